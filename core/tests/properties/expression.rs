//! Properties of expressions, options and drafts, over generated input.

use proptest::{
    collection::vec,
    option,
    prelude::*,
    sample::{Index, select},
};
use tcpexposure_core::craft::{Draft, Payload};

use crate::{
    drafts::{option_bytes, parts},
    props::{expression, options, packet},
};

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,120}") {
        expression::any_text(&text);
    }

    #[test]
    fn any_row_of_words_is_read_or_refused(words in vec(word(), 0..24)) {
        expression::any_text(&words.concat());
    }

    #[test]
    fn a_changed_expression_is_read_or_refused(
        text in select(SEEDS),
        edits in vec((any::<Index>(), edit()), 0..6),
    ) {
        let mut text: Vec<char> = text.chars().collect();
        for (at, edit) in edits {
            let at = at.index(text.len() + 1);
            match edit {
                Edit::Cut => text.truncate(at),
                Edit::Drop => { if at < text.len() { text.remove(at); } }
                Edit::Put(character) => text.insert(at, character),
                Edit::Twice => { text.extend_from_within(at..); }
            }
        }
        expression::any_text(&text.into_iter().collect::<String>());
    }

    #[test]
    fn option_blocks(block in vec(any::<u8>(), 0..=40)) {
        options::block(&block);
    }

    #[test]
    fn option_blocks_of_known_kinds(parts in vec(option_bytes(), 0..8)) {
        options::block(&parts.concat());
    }

    #[test]
    fn drafts(parts in parts()) {
        expression::draft_to_text_and_back(&parts.draft());
    }

    #[test]
    fn canonical_lines(parts in parts()) {
        expression::canonical_line(&parts.draft());
    }

    #[test]
    fn printed_lines(parts in parts(), verbose in 0_u8..=2) {
        expression::summary_line(&parts.draft(), verbose);
    }

    #[test]
    fn drafts_as_packets(parts in parts(), edits in vec((any::<Index>(), any::<u8>()), 0..3), cut in option::of(any::<Index>())) {
        let mut buffer = vec![0; parts.draft().length()];
        let Ok(bytes) = parts.draft().write(&mut buffer) else { return Ok(()) };
        let mut bytes = bytes.to_vec();
        for (at, value) in edits {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        packet::draft(&bytes);
    }
}

#[test]
fn every_small_option_block() {
    options::block(&[]);
    for a in 0..=255 {
        options::block(&[a]);
        for b in 0..=255 {
            options::block(&[a, b]);
        }
    }
}

#[test]
fn every_data_offset() {
    for words in 0..16 {
        for payload in [&b""[..], b"abc", &[0; 40]] {
            let draft = Draft {
                data_offset: Some(words),
                payload: Payload::Bytes(payload),
                ..Draft::default()
            };
            expression::draft_to_text_and_back(&draft);
            let mut buffer = [0; 128];
            packet::draft(draft.write(&mut buffer).unwrap());
        }
    }
}

#[derive(Clone, Debug)]
enum Edit {
    Cut,
    Drop,
    Twice,
    Put(char),
}

fn edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        1 => Just(Edit::Cut),
        4 => Just(Edit::Drop),
        1 => Just(Edit::Twice),
        4 => select("<>[](){},:\"\\ 0x9aA.\n-é".chars().collect::<Vec<_>>()).prop_map(Edit::Put),
    ]
}

fn word() -> impl Strategy<Value = String> {
    let words: Vec<&str> = WORDS.split(' ').collect();
    prop_oneof![
        8 => select(words).prop_map(|word| format!("{word} ")),
        2 => any::<u32>().prop_map(|number| format!("{number} ")),
        1 => (0_u32..300).prop_map(|number| format!("{number}")),
        2 => select("<>[](){},:\" ".chars().collect::<Vec<_>>()).prop_map(String::from),
        1 => "\"[a-z\\\\rn]{0,4}\" ",
        1 => "0x[0-9a-f]{0,9} ",
    ]
}

const WORDS: &str = "S F R P. .U none A seq ack win urg options length len fill cksum bad doff rsvd \
    ttl hlim tos class id DF MF evil flags frag offset ipcksum ipopt flow ihl ver proto next ext \
    eol nop mss wscale sackOK sack TS val ecr echo cc md5 scps cap uto tcp-ao keyid rnextkeyid mac \
    mptcp capable v0 v1 csum join backup token nonce hmac dss fin subseq add-addr v0-ip4 10.0.0.1 \
    rem-addr prio non-backup fail fast-close key tfo cookie cookiereq exp-tfo opt raw unknown-77 \
    exp-abcd IP IP6 10.0.0.1.80 > 10.0.0.2.81: 2001:db8::1.80 2001:db8::2.81: Flags [S.] < ( [ { \
    correct incorrect sport rand 1-9 inc hash(dst) now";

const SEEDS: &[&str] = &[
    "S win 64240 <mss 1460,sackOK,TS val 1 ecr 0,nop,wscale 7>",
    r#"P. seq 1:19(18) ack 1 "GET / HTTP/1.0\r\n\r\n""#,
    "S <mss 1460,opt 253 0xaabb,opt 254 len 0>  cksum bad  doff 6  (ttl 5, id 7, DF, tos 0x2)",
    "IP 10.0.0.1.1234 > 10.0.0.2.80: Flags [S.], cksum 0xabcd (correct), seq 5:10, ack 6, win 7, \
     urg 3, options [mss 1460,sackOK,TS val 1 ecr 0,nop,wscale 7], length 5: HTTP",
    "12:34:56.123456 IP (tos 0x3,CE, ttl 64, id 1, offset 0, flags [+, DF], proto TCP (6), length \
     44, options (RA), bad cksum 0 (->26c9)!)\n    10.0.0.1.1234 > 10.0.0.2.80: Flags [S], cksum \
     0xabcd (incorrect -> 0x7ef6), seq 5, win 7, options [mss 1460], length 0 (ipopt 0x94040000)",
    "IP6 (class 0x20, flowlabel 0x12345, hlim 64, next-header TCP (6) payload length: 24) \
     2001:db8::1.1234 > 2001:db8::2.80: Flags [S], seq 5, win 7, options [mss 1460], length 0",
    ". <mptcp 22 capable v1 {0x1,0x2} len 5,nop,nop,mptcp 12 dss ack 1>",
    ". <mptcp 30 add-addr v1 id 5 2001:db8::1:80 hmac 0x1,tfo cookie aabb,sack 1 {1:2},raw 0x00ff>",
    "S seq cookie win rand 1-65535 <TS val now ecr 0,opt 253 0xf989 hash(dst)> sport 1-9 (id inc)",
    "none len 5 fill 0x41 rsvd 7 (flow 5, hlim 3, ext 0x0600010400000000 next 60)",
];
