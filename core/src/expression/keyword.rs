//! All words of the notation, in one table.

/// A word and where it has its place.
#[derive(Clone, Copy, Debug)]
pub(super) struct Keyword {
    pub(super) word: &'static str,
    pub(super) place: Place,
    pub(super) field: Field,
}

/// Where a word can stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Among the fields of the segment.
    Segment,
    /// In the parenthesis of the IP header.
    Network,
    /// In the list of options.
    Option,
    /// After `mptcp N`.
    Mptcp,
}

/// What a word states. One that stands once in an expression is guarded by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Field {
    // The segment.
    Seq,
    Ack,
    Window,
    Urgent,
    Options,
    Length,
    Fill,
    Checksum,
    DataOffset,
    Reserved,
    SourcePort,
    // The IP header.
    HopLimit,
    TrafficClass,
    Id,
    DontFragment,
    MoreFragments,
    Evil,
    IpFlags,
    Fragment,
    FragmentBytes,
    IpChecksum,
    IpChecksumBad,
    IpOptions,
    IpOptionsPrinted,
    FlowLabel,
    IpLength,
    IpLengthPrinted,
    PayloadLengthPrinted,
    HeaderLength,
    Version,
    Protocol,
    Extensions,
    // Options.
    End,
    Nop,
    MaximumSegmentSize,
    WindowScale,
    SackPermitted,
    Sack,
    Timestamps,
    Echo,
    EchoReply,
    ConnectionCount,
    ConnectionCountNew,
    ConnectionCountEcho,
    Md5,
    Scps,
    UserTimeout,
    Authentication,
    Mptcp,
    FastOpen,
    FastOpenExperiment,
    AnyOption,
    Raw,
    // Multipath TCP.
    Capable,
    Join,
    DataSequence,
    AddAddress,
    RemoveAddress,
    Priority,
    Fail,
    FastClose,
}

/// Finds a word.
pub(super) fn find(place: Place, word: &str) -> Option<Keyword> {
    here(place).find(|keyword| keyword.word == word)
}

/// Finds the word that `word` was perhaps meant to be.
pub(super) fn nearest(place: Place, word: &str) -> Option<&'static str> {
    let allowed = if word.chars().count() <= 3 { 1 } else { 2 };
    here(place)
        .map(|keyword| (distance(keyword.word, word), keyword.word))
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, known)| *distance <= allowed && *distance < known.len())
        .map(|(_, known)| known)
}

fn here(place: Place) -> impl Iterator<Item = Keyword> {
    TABLE.iter().copied().filter(move |keyword| keyword.place == place)
}

/// Counts the characters to be changed, added or taken away to make one word of the other (without
/// regard to case); a word of more than [`LONGEST`] is far from all.
fn distance(known: &str, word: &str) -> usize {
    if word.chars().count() > LONGEST || known.len() > LONGEST {
        return usize::MAX;
    }
    let mut row = [0_usize; LONGEST + 1];
    row.iter_mut().enumerate().for_each(|(at, cell)| *cell = at);
    for (line, a) in known.chars().enumerate() {
        let mut diagonal = line;
        let mut left = line.saturating_add(1);
        let mut cells = row.iter_mut();
        if let Some(first) = cells.next() {
            *first = left;
        }
        for (b, cell) in word.chars().zip(cells) {
            let change = diagonal.saturating_add(usize::from(!a.eq_ignore_ascii_case(&b)));
            diagonal = *cell;
            left = change.min(left.saturating_add(1)).min(diagonal.saturating_add(1));
            *cell = left;
        }
    }
    row.get(word.chars().count()).copied().unwrap_or(usize::MAX)
}

const LONGEST: usize = 15;

const fn word(word: &'static str, place: Place, field: Field) -> Keyword {
    Keyword { word, place, field }
}

const TABLE: &[Keyword] = &[
    word("seq", Place::Segment, Field::Seq),
    word("ack", Place::Segment, Field::Ack),
    word("win", Place::Segment, Field::Window),
    word("urg", Place::Segment, Field::Urgent),
    word("options", Place::Segment, Field::Options),
    word("length", Place::Segment, Field::Length),
    word("len", Place::Segment, Field::Fill),
    word("cksum", Place::Segment, Field::Checksum),
    word("doff", Place::Segment, Field::DataOffset),
    word("rsvd", Place::Segment, Field::Reserved),
    word("sport", Place::Segment, Field::SourcePort),
    word("ttl", Place::Network, Field::HopLimit),
    word("hlim", Place::Network, Field::HopLimit),
    word("tos", Place::Network, Field::TrafficClass),
    word("class", Place::Network, Field::TrafficClass),
    word("id", Place::Network, Field::Id),
    word("DF", Place::Network, Field::DontFragment),
    word("MF", Place::Network, Field::MoreFragments),
    word("evil", Place::Network, Field::Evil),
    word("flags", Place::Network, Field::IpFlags),
    word("frag", Place::Network, Field::Fragment),
    word("offset", Place::Network, Field::FragmentBytes),
    word("ipcksum", Place::Network, Field::IpChecksum),
    word("bad", Place::Network, Field::IpChecksumBad),
    word("ipopt", Place::Network, Field::IpOptions),
    word("options", Place::Network, Field::IpOptionsPrinted),
    word("flow", Place::Network, Field::FlowLabel),
    word("flowlabel", Place::Network, Field::FlowLabel),
    word("len", Place::Network, Field::IpLength),
    word("length", Place::Network, Field::IpLengthPrinted),
    word("payload", Place::Network, Field::PayloadLengthPrinted),
    word("ihl", Place::Network, Field::HeaderLength),
    word("ver", Place::Network, Field::Version),
    word("proto", Place::Network, Field::Protocol),
    word("next", Place::Network, Field::Protocol),
    word("next-header", Place::Network, Field::Protocol),
    word("ext", Place::Network, Field::Extensions),
    word("eol", Place::Option, Field::End),
    word("nop", Place::Option, Field::Nop),
    word("mss", Place::Option, Field::MaximumSegmentSize),
    word("wscale", Place::Option, Field::WindowScale),
    word("sackOK", Place::Option, Field::SackPermitted),
    word("sack", Place::Option, Field::Sack),
    word("TS", Place::Option, Field::Timestamps),
    word("echo", Place::Option, Field::Echo),
    word("echoreply", Place::Option, Field::EchoReply),
    word("cc", Place::Option, Field::ConnectionCount),
    word("ccnew", Place::Option, Field::ConnectionCountNew),
    word("ccecho", Place::Option, Field::ConnectionCountEcho),
    word("md5", Place::Option, Field::Md5),
    word("scps", Place::Option, Field::Scps),
    word("uto", Place::Option, Field::UserTimeout),
    word("utimeout", Place::Option, Field::UserTimeout),
    word("tcp-ao", Place::Option, Field::Authentication),
    word("mptcp", Place::Option, Field::Mptcp),
    word("tfo", Place::Option, Field::FastOpen),
    word("exp-tfo", Place::Option, Field::FastOpenExperiment),
    word("opt", Place::Option, Field::AnyOption),
    word("raw", Place::Option, Field::Raw),
    word("capable", Place::Mptcp, Field::Capable),
    word("join", Place::Mptcp, Field::Join),
    word("dss", Place::Mptcp, Field::DataSequence),
    word("add-addr", Place::Mptcp, Field::AddAddress),
    word("rem-addr", Place::Mptcp, Field::RemoveAddress),
    word("prio", Place::Mptcp, Field::Priority),
    word("fail", Place::Mptcp, Field::Fail),
    word("fast-close", Place::Mptcp, Field::FastClose),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_words() {
        assert_eq!(nearest(Place::Segment, "widn"), Some("win"));
        assert_eq!(nearest(Place::Segment, "chksum"), Some("cksum"));
        assert_eq!(nearest(Place::Option, "sakOK"), Some("sackOK"));
        assert_eq!(nearest(Place::Option, "SACKOK"), Some("sackOK"));
        assert_eq!(nearest(Place::Network, "tll"), Some("ttl"));
        assert_eq!(nearest(Place::Segment, "quite-another"), None);
        assert_eq!(nearest(Place::Segment, "a-word-that-is-much-too-long"), None);
    }

    #[test]
    fn no_word_twice_in_one_place() {
        for (at, one) in TABLE.iter().enumerate() {
            let twins = TABLE.iter().skip(at + 1);
            assert!(!twins.into_iter().any(|two| two.place == one.place && two.word == one.word));
            assert!(one.word.len() <= LONGEST);
        }
    }
}
