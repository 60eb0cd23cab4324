//! Why questions matter, and what relies on their answers.
//!
//! ```
//! use tcpexposure_core::experiment::ENTRIES;
//! let stake = ENTRIES[1].stake;
//! assert!(stake.rfcs.iter().any(|rfc| rfc.number == 8684));
//! ```

use core::fmt;

use super::catalogue::Entry;

/// What is at stake where a question is answered with no.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stake {
    /// Why it matters, in sentences.
    pub why: &'static str,
    /// What relies on it.
    pub rfcs: &'static [Rfc],
}

/// A document of the IETF.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rfc {
    /// Its number.
    pub number: u16,
    /// What it defines, in a few words of our own.
    pub about: &'static str,
}

impl fmt::Display for Rfc {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "RFC {} ({})", self.number, self.about)
    }
}

/// Tells what is at stake in a question of 2011.
pub(super) const fn of(entry: Entry) -> &'static Stake {
    match entry {
        Entry::Syn | Entry::Data => &CONNECTION,
        Entry::SynOpt | Entry::SynOpt2 | Entry::DataOpt => &NEW_OPTIONS,
        Entry::DataKnownOpt | Entry::SynTsEcr | Entry::TsHole | Entry::InconTsEcr => &TIMESTAMPS,
        Entry::Split | Entry::Coalesce | Entry::CoalesceFq => &BOUNDARIES,
        Entry::SplitKnownOpt
        | Entry::SplitOpt
        | Entry::CoalesceKnownOpt
        | Entry::CoalesceOpt
        | Entry::CoalesceFqKnownOpt
        | Entry::CoalesceFqOpt => &OPTIONS_OF_SEGMENTS,
        Entry::PseudoRtx | Entry::PseudoRtxL | Entry::PseudoRtxS => &RETRANSMISSIONS,
        Entry::SeqHole | Entry::AckHole => &HOLES,
        Entry::UnexpAwnd
        | Entry::UnexpAwnd4Opt
        | Entry::ChangeAwnd
        | Entry::ChangeAwnd4KnownOpt
        | Entry::ChangeAwnd4Opt => &WINDOW,
        Entry::ChangeIncomingSeq
        | Entry::ChangeIncomingSeq4Opt
        | Entry::ChangeSeq
        | Entry::ChangeSeq4Opt => &SEQUENCE,
        Entry::IndAck | Entry::IndAck4KnownOpt | Entry::IndAck4Opt => &END_TO_END,
        Entry::SynData | Entry::SynDataAdv | Entry::SynData2 | Entry::SynData2Adv => &SYN_PAYLOAD,
        Entry::SynAckData | Entry::SynAckDataAdv | Entry::SynAckData2 | Entry::SynAckData2Adv => {
            &SYN_ACK_PAYLOAD
        }
    }
}

/// Writes stakes: name, why, and what relies on it.
macro_rules! stakes {
    ($($(#[$doc:meta])* $name:ident: $why:literal, [$($number:literal $about:literal),*];)*) => {
        $($(#[$doc])* pub const $name: Stake = Stake {
            why: $why,
            rfcs: &[$(Rfc { number: $number, about: $about }),*],
        };)*

        /// All of them, for tests.
        #[cfg(test)]
        const ALL: &[Stake] = &[$($name),*];
    };
}

stakes! {
    /// Of the plain connection.
    CONNECTION: "Without an answer to this nothing else can be told apart: every other verdict is \
        read against it.",
        [9293 "TCP"];
    /// Of options that boxes do not know.
    NEW_OPTIONS: "Every extension of TCP is a new option. Where options that a box does not know \
        are removed, an extension must find that out and fall back; where their packets are \
        dropped, it costs seconds before the first byte, and nobody dares to use it.",
        [6994 "experiments share the kinds 253 and 254", 8684 "Multipath TCP", 7413 "Fast Open",
         8547 "negotiation of encryption", 9768 "Accurate ECN"];
    /// Of options that belong to the bytes beside them.
    OPTIONS_OF_SEGMENTS: "An option may say something about the very bytes that it travels with. \
        Cards and boxes that cut or merge segments copy it, keep one of several, or lose it, and \
        what it said is then said of other bytes.",
        [8684 "a mapping of Multipath TCP names the bytes it is for", 7323 "timestamps",
         5925 "each segment is signed", 9768 "counters of Accurate ECN"];
    /// Of timestamps.
    TIMESTAMPS: "Round trips are measured by timestamps, and old segments are told by them on \
        fast connections. A box that removes them after they were negotiated, or answers with \
        its own, stalls connections or breaks both.",
        [7323 "timestamps, and protection against wrapped sequence numbers",
         6191 "new connections on ports that wait", 4015 "spurious timeouts are undone"];
    /// Of selective acknowledgement.
    SACK: "Without selective acknowledgement each lost packet of a window costs a round trip. \
        Worse is a box that shifts sequence numbers and forgets the blocks: the sender sees \
        acknowledgements of bytes it never sent.",
        [2018 "selective acknowledgement", 2883 "duplicates are reported", 6675 "recovery by it",
         8985 "RACK finds losses by it"];
    /// Of signed segments.
    SIGNATURES: "Routers sign the segments of their sessions. A box that changes anything that is \
        signed, or removes the signature, ends the session; one that drops it keeps it from \
        beginning.",
        [2385 "MD5 signatures for BGP", 5925 "the authentication option", 4271 "BGP-4"];
    /// Of the user timeout.
    USER_TIMEOUT: "Hosts that lose their network for a while tell the other side how long to keep \
        the connection. Where the option does not arrive, it is given up.",
        [5482 "user timeout option", 9293 "TCP's user timeout"];
    /// Of Quick-Start.
    QUICK_START: "A request that routers must approve shows how options are treated that are for \
        the path and not for the host.",
        [4782 "Quick-Start"];
    /// Of opportunistic encryption.
    ENCRYPTION: "Encryption inside TCP is agreed on by an option of the SYN. Who removes it keeps \
        the connection readable, and neither host is told.",
        [8547 "negotiation of encryption (ENO)", 8548 "tcpcrypt"];
    /// Of several paths for one connection.
    MULTIPATH: "Multipath TCP agrees on keys in the handshake and maps bytes to its own numbers in \
        options of data. A box that removes one of them forces the connection back to one path; \
        one that changes bytes or boundaries below them breaks it if no checksum is used.",
        [8684 "Multipath TCP, version 1", 6824 "its version 0", 8041 "where it is used",
         6356 "congestion control of coupled paths"];
    /// Of data before the handshake is over.
    FAST_OPEN: "Fast Open saves a round trip: the SYN carries a cookie and data. Boxes that drop \
        such a SYN cost a timeout instead, and some of them shut out the host that sent it.",
        [7413 "Fast Open", 8446 "early data of TLS 1.3 may ride on it", 9293 "data on a SYN"];
    /// Of marks instead of losses.
    ECN: "Routers mark packets instead of dropping them, and both hosts echo that. A box that \
        clears marks makes senders overrun a full queue; one that sets them slows every sender; \
        one that drops ECN on a SYN makes a connection wait for its second try.",
        [3168 "ECN", 8311 "experiments with it", 8511 "a milder answer to marks", 8257 "DCTCP"];
    /// Of marks for queues that stay short.
    LOW_LATENCY: "ECT(1) asks for the queue that stays short. Bleached, the packet waits with all \
        others; changed into another mark, the two queues are unfair to each other.",
        [9330 "the low-latency architecture (L4S)", 9331 "its ECN protocol", 9332 "coupled queues"];
    /// Of how many marks there were.
    ACCURATE_ECN: "Accurate ECN tells how many packets were marked, with three header bits of \
        which one was reserved until lately, and with options. It tells in the handshake what \
        became of the ECN field; boxes that clear the bits take that away.",
        [9768 "Accurate ECN", 9331 "low-latency senders need it", 3168 "ECN"];
    /// Of bits that nobody uses yet.
    RESERVED_BITS: "What is reserved today is used tomorrow, if boxes leave it alone: a receiver \
        must ignore it, and nobody must clear it. Accurate ECN got its bit out of these.",
        [9293 "four reserved bits, which receivers ignore", 9768 "the bit that was taken"];
    /// Of combinations of flags.
    FLAGS: "Firewalls judge by combinations of flags. Those that are odd but allowed show what a \
        box takes for an attack, and what scanners can tell of a host behind it.",
        [9293 "what each flag means, and when PSH may be set", 3360 "boxes must not reset for odd flags"];
    /// Of urgent data.
    URGENT: "Some boxes clear URG, and what was urgent then stands within the data, where the \
        receiver does not expect it; some move the pointer. Applications should not use it for \
        this reason, but old ones do.",
        [6093 "urgent data, and the boxes that clear it", 854 "Telnet's interrupt"];
    /// Of data on a SYN.
    SYN_PAYLOAD: "TCP has always allowed data on a SYN. Where it is stripped it comes a round trip \
        later; where the packet is dropped, a timeout later.",
        [9293 "data on a SYN is kept until the handshake ends", 7413 "Fast Open"];
    /// Of data on a SYN/ACK.
    SYN_ACK_PAYLOAD: "A server that has its answer ready at once sends it with the SYN/ACK. Boxes \
        expect none there and remove it.",
        [7413 "Fast Open lets servers answer at once", 9293 "data on any segment"];
    /// Of the segment size.
    SEGMENT_SIZE: "Boxes at tunnels lower the segment size so that packets fit. It hides that \
        path MTU discovery does not work there, and whoever ignores it sends into a hole.",
        [6691 "the option of the segment size", 9293 "its default of 536", 4821 "path MTU discovery in TCP"];
    /// Of the window scale.
    WINDOW_SCALE: "The scale is said once, on the SYN, and holds for all windows that follow. A \
        box that removes or changes it on one side leaves the two hosts with different windows: \
        the connection crawls or stalls.",
        [7323 "window scale", 9293 "the window"];
    /// Of the window.
    WINDOW: "The window is what the receiver has room for. A box that changes it puts itself in \
        charge of the speed, as rate shapers and proxies do.",
        [9293 "the window", 7323 "its scale"];
    /// Of large packets.
    PACKET_SIZE: "A packet that is too large for a link should be answered by an ICMP error. \
        Where it is lost without one, connections open and then hang with the first full packet.",
        [4821 "path MTU discovery in TCP", 1191 "that by ICMP for IPv4", 8201 "and for IPv6",
         2923 "what goes wrong with it"];
    /// Of sequence numbers.
    SEQUENCE: "Boxes rewrite sequence numbers to hide weak ones, or because they ended the \
        connection and opened another. Options that hold sequence numbers must be rewritten \
        with them, and usually are not.",
        [9293 "sequence numbers", 6528 "how the first is chosen", 2018 "SACK blocks hold them",
         8684 "Multipath TCP maps relative to them"];
    /// Of acknowledgements that mean arrival.
    END_TO_END: "An acknowledgement is to mean that the other host has the data. A box that \
        acknowledges in its place may lose data that the sender holds for delivered, and hides \
        what the path behind it does.",
        [3135 "proxies that improve performance, and what they break", 1122 "who acknowledges",
         3449 "paths that are not symmetric"];
    /// Of the boundaries of segments.
    BOUNDARIES: "TCP promises bytes and no boundaries, but options belong to segments. Cards and \
        proxies that cut or merge them on the path show that somebody rebuilds the stream.",
        [9293 "segments are not kept", 8684 "mappings must survive that", 3135 "proxies"];
    /// Of gaps.
    HOLES: "A box that wants to see every byte drops what comes behind a gap, or an \
        acknowledgement of what it has not seen. Where the missing part goes by another path, as \
        with routes that differ or Multipath TCP, the connection dies.",
        [8684 "one flow of Multipath TCP has gaps", 9293 "segments out of order are kept",
         5961 "which acknowledgements are acceptable"];
    /// Of retransmissions that differ.
    RETRANSMISSIONS: "A retransmission with other content tells which boxes keep the stream: those \
        that do pass on the first version, or end the connection. What an intrusion detection \
        sees and what the host gets may differ.",
        [9293 "what overlaps is trimmed", 8684 "reinjected data", 7323 "options differ in retransmissions"];
    /// Of the end of connections.
    CLOSING: "One side may end its direction and go on listening. A box that forgets the \
        connection with the first FIN, or drops it, cuts off the rest of an answer.",
        [9293 "each direction is closed by itself", 5382 "how address translators keep state"];
    /// Of what is said within connections.
    CONTENT: "Boxes that look into connections treat what they know unlike what they do not: they \
        rewrite HTTP, inspect TLS, and drop what looks random. New protocols hide in old ones \
        for that reason.",
        [9112 "HTTP/1.1", 9113 "HTTP/2", 8446 "TLS 1.3", 3238 "services on the path that were not asked for"];
    /// Of addresses and ports.
    ADDRESSES: "A translated address or port cannot be called from outside, and whatever holds \
        addresses in its data is wrong behind it. Many hosts share one address where carriers \
        translate.",
        [3022 "address translation", 5382 "what TCP may expect of it", 6888 "that of carriers",
         6269 "what shared addresses break"];
    /// Of what boxes remember.
    MEMORY: "Boxes forget silent connections. Hosts do not know that, and wait for each other; \
        servers send keepalives for no other reason, and phones stay awake for them.",
        [5382 "at least two hours and four minutes", 1122 "keepalives, two hours apart", 7857 "updates to it"];
    /// Of guessed segments.
    BLIND_ATTACKS: "Who guesses a number within the window could end or poison a connection. Hosts \
        answer with a challenge; a box that takes a guessed reset for a real one forgets the \
        connection and so does the attacker's work.",
        [5961 "challenges instead of belief", 9293 "which took them over", 4953 "such attacks"];
    /// Of the checksum.
    CHECKSUM: "A box that computes the checksum anew repairs what was broken on the way to it: \
        damage then passes for good data. One that drops wrong ones hides how many there are.",
        [9293 "the checksum", 1624 "how to update it", 1071 "how to compute it"];
    /// Of fields of the IP header.
    IP_FIELDS: "Fields of the IP header that are meant for the path are treated worse than those \
        for hosts: many networks drop packets with IP options, and routers spread flows by \
        labels that others clear.",
        [7126 "packets with IPv4 options", 6437 "the flow label", 6438 "balancing by it"];
    /// Of the identification.
    IDENTIFICATION: "The identification is to tell fragments apart and is free otherwise. A box \
        that rewrites it has made the packet anew.",
        [6864 "what the identification is for", 791 "IPv4"];
    /// Of the time to live.
    HOPS: "A time to live that does not count down from where it began shows that somebody else \
        sent the packet on: a proxy, or a box that hides how far hosts are behind it.",
        [791 "IPv4", 5082 "nearness proven by it"];
    /// Of the class of service.
    SERVICE_CLASS: "Calls and video mark their packets to go first. Networks clear the mark at \
        their borders, and some clear the ECN field in the same byte with it.",
        [2474 "the field of differentiated services", 8622 "the class below all others",
         3168 "ECN lies in the same byte"];
}

#[cfg(test)]
mod tests {
    use std::{collections::HashSet, string::ToString as _};

    use super::*;
    use crate::experiment::{ENTRIES, modern::ROWS};

    #[test]
    fn each_is_said_in_sentences_and_relied_on() {
        for stake in ALL {
            assert!(stake.why.ends_with('.') && stake.why.len() > 60, "{}", stake.why);
            let numbers: HashSet<u16> = stake.rfcs.iter().map(|rfc| rfc.number).collect();
            assert!(!numbers.is_empty() && numbers.len() == stake.rfcs.len(), "{}", stake.why);
        }
        assert_eq!(CONNECTION.rfcs[0].to_string(), "RFC 9293 (TCP)");
    }

    #[test]
    fn each_is_somebodys() {
        let used = ENTRIES.iter().map(|row| row.stake).chain(ROWS.iter().map(|row| row.stake));
        let used: HashSet<&str> = used.map(|stake| stake.why).collect();
        let idle: std::vec::Vec<_> = ALL.iter().filter(|stake| !used.contains(stake.why)).collect();
        assert!(idle.is_empty(), "{idle:?}");
    }
}
