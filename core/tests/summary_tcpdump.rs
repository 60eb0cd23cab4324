//! What `summary` says of captures made by hand, beside what tcpdump prints of them: the same, but
//! for the differences that `docs/differences.md` lists.

mod summary_peer;

use std::collections::BTreeMap;

use summary_peer::{WAYS, build::hex, cases, installed};

/// The list, whose rows begin with the name of a difference.
const LISTED: &str = include_str!("../../docs/differences.md");

#[test]
fn every_difference_is_listed() {
    if !installed() {
        return;
    }
    let (mut lines, mut found) = (0, BTreeMap::<&str, usize>::new());
    for (name, capture) in cases::all() {
        for way in WAYS {
            for (index, (theirs, ours)) in
                capture.theirs(*way).iter().zip(capture.ours(*way)).enumerate()
            {
                lines += 1;
                if *theirs == ours {
                    continue;
                }
                let difference = difference(theirs, &ours).unwrap_or_else(|| {
                    let frame = hex(&capture.frames[index].0);
                    panic!("{name} {index}, {way:?}\ntheirs: {theirs}\nours:   {ours}\n{frame}")
                });
                *found.entry(difference).or_default() += 1;
            }
        }
    }
    for (difference, count) in &found {
        println!("{count:6} of {lines}: {difference}");
    }
    let section = LISTED.split("\n## ").find(|text| text.starts_with("tcpdump")).unwrap();
    let rows = section.lines().filter_map(|line| line.strip_prefix("| ")?.split(" | ").next());
    let mut listed: Vec<_> = rows.skip(1).collect();
    listed.sort_unstable();
    assert_eq!(listed, found.into_keys().collect::<Vec<_>>());
}

/// Names the first difference between two texts.
fn difference(theirs: &str, ours: &str) -> Option<&'static str> {
    let same = theirs.bytes().zip(ours.bytes()).take_while(|(a, b)| a == b).count();
    let word = ours[..same].rfind([' ', ',', '[', '(', '\n', '\t']).map_or(0, |at| at + 1);
    let (before, rest) = ours.split_at(word);
    let (line, theirs_line) = (ours.lines().next()?, theirs.lines().next()?);
    let has = |text: &str| theirs.contains(text);
    let begins = |words: &[&str]| words.iter().any(|word| rest.starts_with(word));
    Some(match () {
        () if before.contains("\n\t0x") || line.ends_with("[|ip]") && theirs_line == line => {
            if has("0x0000:  0200") { "the dump of what was cut" } else { "the dump behind PPP" }
        }
        () if has("bad hdr length") => "a data offset that cannot be",
        () if has("Hop-by-Hop Options header") => "hop-by-hop options out of place",
        () if has("(unknown type) (invalid)") => "an unknown routing header",
        () if has("AF Unknown (10)") => "the address family 10",
        () if ours.contains(":  ip-proto-") => "other protocols in a quote",
        () if begins(&["(ext ", "ext ", "(ipopt ", "ipopt "]) => "bytes of IP headers",
        () if begins(&["correct)"]) => "the checksum behind a source route",
        () if line.contains("bad-len") => "a length below the header's",
        () if ours.contains("[|tcp]") => "a capture cut in the options",
        () if begins(&["rsvd "]) || rest.split(']').next()?.ends_with('e') => "reserved bits",
        () if before.ends_with("mptcp 4 ") || before.ends_with("mptcp 12 join ") => "MPTCP lengths",
        () if begins(&["join ", "capable v0"]) => "MPTCP lengths",
        () if begins(&["opt ", "raw ", "eol,raw "]) => "option bytes",
        () if theirs.ends_with("[|tcp]") && ours.contains("IP6") => "IPv6 payload length 0",
        () if has(": [|tcp]") => "IPv6 payload length 0",
        () => return None,
    })
}
