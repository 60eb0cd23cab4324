//! Properties of the responder, over generated segments.

use proptest::prelude::*;

use crate::props::responder::{self, Any, PORT};

fn any_payload() -> impl Strategy<Value = Vec<u8>> {
    let command = prop::sample::select(vec![
        &b"\xa1"[..],
        b"\xa2",
        b"\xa3",
        b"\xb2",
        b"\xc1",
        b"\xc2",
        b"POST / HTTP/1.1\r\n\r\n\xa1",
        b"GET /hoge.cgi",
        b"HTTP",
        b"",
    ]);
    (command, prop::collection::vec(any::<u8>(), 0..700))
        .prop_map(|(command, rest)| [command, &rest].concat())
}

fn any_options() -> impl Strategy<Value = Vec<u8>> {
    let option = prop_oneof![
        Just(vec![2, 4, 5, 0xb4]),
        Just(vec![3, 3, 7]),
        Just(vec![4, 2]),
        Just(vec![1]),
        any::<[u8; 8]>().prop_map(|data| [&[8, 10][..], &data].concat()),
        any::<[u8; 10]>().prop_map(|data| [&[30, 12][..], &data].concat()),
        any::<[u8; 14]>().prop_map(|data| [&[31, 16][..], &data].concat()),
        any::<(u8, u8)>().prop_map(|(kind, data)| vec![kind, 3, data]),
        any::<Vec<u8>>(),
    ];
    prop::collection::vec(option, 0..6).prop_map(|options| {
        let mut bytes = options.concat();
        bytes.truncate(40);
        bytes
    })
}

prop_compose! {
    fn any_segment()(
        six: bool,
        flags in prop_oneof![
            Just(0x002_u16), Just(0x010), Just(0x011), Just(0x018), Just(0x003), 0_u16..4096
        ],
        near in prop::option::of(-3_i32..40_000),
        seq: u32,
        options in any_options(),
        ip_options in 0_usize..=10,
        payload in any_payload(),
        now: u64,
        from_port in prop_oneof![Just(PORT), any::<u16>()],
    ) -> Any {
        Any { six, flags, near, seq, options, ip_options, payload, now, from_port }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn a_modern_responder_never_amplifies(segment in any_segment()) {
        responder::never_amplifies(&segment);
    }

    #[test]
    fn nor_when_the_packet_is_broken(
        segment in any_segment(),
        turned in prop::collection::vec((0_usize..120, any::<u8>()), 0..5),
        cut in prop::option::of(0_usize..200),
    ) {
        responder::broken(&segment, &turned, cut);
    }

    #[test]
    fn any_bytes_are_survived(bytes: Vec<u8>, sure: bool, ethernet: bool, now: u64) {
        responder::survived(&bytes, sure, ethernet, now);
    }

    #[test]
    fn a_classic_responder_answers_well_formed_segments(segment in any_segment()) {
        responder::answers_of_2011(&segment);
    }

    #[test]
    fn two_modern_responders_fall_silent(segment in any_segment()) {
        responder::falls_silent(segment);
    }

    #[test]
    fn answers_do_not_depend_on_what_came_before(
        first in any_segment(),
        second in any_segment(),
    ) {
        responder::stateless(&first, &second);
    }
}
