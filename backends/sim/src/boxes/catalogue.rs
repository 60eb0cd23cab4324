//! The catalogue of boxes.

use std::borrow::Cow;

use tcpexposure_core::wire::options::kind;

use super::{
    Middlebox,
    acknowledgements::{Action as Unseen, Early, Unseen as Acknowledged},
    content,
    flows::Forgetful,
    headers,
    headers::Router,
    loose_nat::LooseNat,
    nat::Nat,
    numbers::{Both, By, Shift},
    options::{self, Action, Rewrite},
    order::{NoHoles, Reassemble},
    proxy::Proxy,
    reflect::Reflect,
    refuse::{self, Answer, Refuse},
    retransmission::{Action as Again, Consistent},
    segment::{Segment, When, edit, tcp},
    segmentation::{Burst, Keep, Split},
    syn_proxy::SynProxy,
    timestamps,
};
use crate::{Direction, Quoting};

/// A row of the catalogue: name, what the box does, and its maker.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// The name on the command line.
    pub name: &'static str,
    /// What it does, in one sentence.
    pub does: &'static str,
    /// The name of the model of the original's verdict table that it is.
    pub model: Option<&'static str>,
    make: fn() -> Box<dyn Middlebox>,
}

impl Row {
    /// Makes the box.
    #[must_use]
    pub fn make(&self) -> Box<dyn Middlebox> {
        (self.make)()
    }

    const fn new(
        name: &'static str,
        model: &'static str,
        does: &'static str,
        make: fn() -> Box<dyn Middlebox>,
    ) -> Self {
        let model = if model.is_empty() { None } else { Some(model) };
        Self { name, does, model, make }
    }
}

/// Lists the boxes.
#[must_use]
pub const fn catalogue() -> &'static [Row] {
    CATALOGUE
}

/// Makes the box called `name`.
#[must_use]
pub fn by_name(name: &str) -> Option<Box<dyn Middlebox>> {
    CATALOGUE.iter().find(|row| row.name == name).map(Row::make)
}

const CATALOGUE: &[Row] = &[
    Row::new("router", "", "Forwards, and is one hop more.", || router(Quoting::Whole)),
    Row::new("short-quotes", "", "Forwards, and quotes eight bytes of TCP in its errors.", || {
        router(Quoting::Short)
    }),
    Row::new("labels", "", "Forwards, and tells of labels and interfaces in its errors.", || {
        router(Quoting::Labels)
    }),
    Row::new(
        "strip-options",
        "strip unknown opts everywhere",
        "Removes unknown options from all segments.",
        || rewrite(When::ALWAYS, options::unknown, Action::Remove),
    ),
    Row::new(
        "strip-options-syn",
        "strip unknown opts both ways on SYN",
        "Removes unknown options from SYNs and SYN-ACKs.",
        || rewrite(When::HANDSHAKE, options::unknown, Action::Remove),
    ),
    Row::new(
        "strip-options-syn-out",
        "strip unknown opts, SYN only, outbound",
        "Removes unknown options from SYNs.",
        || rewrite(When::SYN, options::unknown, Action::Remove),
    ),
    Row::new("strip-options-synack", "", "Removes unknown options from SYN-ACKs.", || {
        rewrite(When::SYN_ACK, options::unknown, Action::Remove)
    }),
    Row::new(
        "strip-options-data-out",
        "strip unknown opts non-SYN outbound",
        "Removes unknown options from what the initiator sends after its SYN.",
        || rewrite(When::OUT_LATER, options::unknown, Action::Remove),
    ),
    Row::new(
        "strip-options-data-in",
        "strip unknown opts non-SYN inbound",
        "Removes unknown options from what the host sends after its SYN-ACK.",
        || rewrite(When::IN_LATER, options::unknown, Action::Remove),
    ),
    Row::new(
        "nop-options",
        "",
        "Puts NOPs in the place of unknown options, as TCPOPTSTRIP does.",
        || rewrite(When::ALWAYS, options::unknown, Action::Nop),
    ),
    Row::new("strip-mptcp", "", "Removes Multipath TCP options.", || {
        rewrite(When::ALWAYS, |found| found == kind::MPTCP, Action::Remove)
    }),
    Row::new(
        "strip-unassigned",
        "",
        "Removes options of a kind that nobody has been given, and no experiments.",
        || rewrite(When::ALWAYS, |found| found == UNASSIGNED, Action::Remove),
    ),
    Row::new(
        "zero-options-out",
        "zero unknown opts outbound everywhere",
        "Zeroes the data of the initiator's unknown options.",
        || rewrite(When::OUT, options::unknown, Action::Zero),
    ),
    Row::new("zero-options-in", "", "Zeroes the data of the host's unknown options.", || {
        rewrite(When::IN, options::unknown, Action::Zero)
    }),
    Row::new(
        "change-options-out",
        "modify unknown opts outbound",
        "Changes the data of the initiator's unknown options.",
        || rewrite(When::OUT, options::unknown, Action::Flip),
    ),
    Row::new("change-options-in", "", "Changes the data of the host's unknown options.", || {
        rewrite(When::IN, options::unknown, Action::Flip)
    }),
    Row::new(
        "strip-syn-options",
        "strip all opts on SYN out",
        "Removes all options from SYNs.",
        || edit(When::SYN, |segment| segment.options = Cow::Borrowed(&[])),
    ),
    Row::new(
        "reflect",
        "unknown SYN option stripped and reflected on the SYN/ACK",
        "Takes unknown options from SYNs and puts them on the SYN-ACKs.",
        || tcp(Reflect::default()),
    ),
    Row::new(
        "drop-syn-option",
        "drop SYN with unknown opt",
        "Drops SYNs with an unknown option.",
        || refuse(When::SYN, refuse::unknown_option, Answer::Silence),
    ),
    Row::new(
        "drop-data-option",
        "drop data with unknown opt",
        "Drops what the initiator sends later with an unknown option.",
        || refuse(When::OUT_LATER, refuse::unknown_option, Answer::Silence),
    ),
    Row::new(
        "rst-unknown-option",
        "",
        "Refuses what the initiator sends with an unknown option by a RST.",
        || refuse(When::OUT, refuse::unknown_option, Answer::Reset),
    ),
    Row::new(
        "icmp-reject",
        "",
        "Refuses what the initiator sends with an unknown option by an ICMP error.",
        || refuse(When::OUT, refuse::unknown_option, Answer::Icmp),
    ),
    Row::new(
        "strip-timestamps-out",
        "strip TS out everywhere",
        "Removes the initiator's timestamps.",
        || rewrite(When::OUT, options::timestamps, Action::Remove),
    ),
    Row::new(
        "strip-timestamps-in",
        "strip TS in everywhere",
        "Removes the host's timestamps.",
        || rewrite(When::IN, options::timestamps, Action::Remove),
    ),
    Row::new(
        "strip-timestamps-synack",
        "strip TS on SYN/ACK",
        "Removes timestamps from SYN-ACKs.",
        || rewrite(When::SYN_ACK, options::timestamps, Action::Remove),
    ),
    Row::new(
        "strip-timestamps-unnegotiated",
        "strip TS on non-negotiated data (out)",
        "Removes the initiator's timestamps unless its SYN offered them.",
        || tcp(timestamps::Unnegotiated::default()),
    ),
    Row::new(
        "shift-timestamps-out",
        "TSval offset out, not resynced",
        "Adds to the initiator's clock and does not translate the echo.",
        || stamps(When::OUT, |value, echo| (value.wrapping_add(1_000_000), echo)),
    ),
    Row::new(
        "shift-timestamps",
        "",
        "Adds to the initiator's clock and translates the echo.",
        || tcp(timestamps::Shift(1_000_000)),
    ),
    Row::new("clear-syn-tsecr", "clear TSecr on SYN", "Zeroes the timestamp echo of SYNs.", || {
        stamps(When::SYN, |value, _| (value, 0))
    }),
    Row::new(
        "change-syn-tsecr",
        "change TSecr on SYN",
        "Changes the timestamp echo of SYNs.",
        || stamps(When::SYN, |value, echo| (value, echo.wrapping_add(1))),
    ),
    Row::new(
        "isn-shift-out",
        "ISN rewrite outbound dir (+1e6)",
        "Adds a million to the initiator's sequence numbers.",
        || tcp(shift(Direction::Outbound, MILLION, false)),
    ),
    Row::new(
        "isn-shift-in",
        "ISN rewrite inbound dir (+1e6)",
        "Adds a million to the host's sequence numbers.",
        || tcp(shift(Direction::Inbound, MILLION, false)),
    ),
    Row::new(
        "isn-shift",
        "",
        "Randomises both ends' sequence numbers, but not SACK blocks.",
        || {
            tcp(Both(
                shift(Direction::Outbound, By::Flow, false),
                shift(Direction::Inbound, By::Flow, false),
            ))
        },
    ),
    Row::new(
        "isn-shift-sack",
        "",
        "Randomises both ends' sequence numbers, and SACK blocks with them.",
        || {
            tcp(Both(
                shift(Direction::Outbound, By::Flow, true),
                shift(Direction::Inbound, By::Flow, true),
            ))
        },
    ),
    Row::new(
        "window-out",
        "window rewrite outbound",
        "Divides the initiator's window by four.",
        || edit(When::OUT, headers::window),
    ),
    Row::new(
        "window-synack",
        "window rewrite inbound SYN/ACK",
        "Divides the window of SYN-ACKs by four.",
        || edit(When::SYN_ACK, headers::window),
    ),
    Row::new(
        "split-options-all",
        "split at 256, opts copied to all",
        "Cuts the initiator's segments at 256 bytes, with the options on all parts.",
        || tcp(Split::new(When::OUT_DATA, 256, Keep::All)),
    ),
    Row::new(
        "split-options-first",
        "",
        "Cuts the initiator's segments at 256 bytes, with the options on the first part.",
        || tcp(Split::new(When::OUT_DATA, 256, Keep::First)),
    ),
    Row::new(
        "split-options-none",
        "split at 256, opts dropped",
        "Cuts the initiator's segments at 256 bytes, without their options.",
        || tcp(Split::new(When::OUT_DATA, 256, Keep::None)),
    ),
    Row::new(
        "merge-options-first",
        "burst coalescer (<=1460 B), opts first",
        "Merges a burst up to 1460 bytes, with the options of the first segment.",
        || tcp(Burst::new(Direction::Outbound, 1460, Keep::First)),
    ),
    Row::new(
        "merge-options-none",
        "burst coalescer (<=1460 B), opts none",
        "Merges a burst up to 1460 bytes, without options.",
        || tcp(Burst::new(Direction::Outbound, 1460, Keep::None)),
    ),
    Row::new("split-in", "", "Cuts the host's segments at 256 bytes.", || {
        tcp(Split::new(When::IN_DATA, 256, Keep::All))
    }),
    Row::new("merge-in", "", "Merges a burst of the host's up to 64 KiB.", || {
        tcp(Burst::new(Direction::Inbound, 65_000, Keep::First))
    }),
    Row::new(
        "reassemble-options-first",
        "strict in-order reassembly, merge queued, firstopts",
        "Holds data after a hole and merges it, with the options of the first segment.",
        || tcp(Reassemble::new(Keep::First)),
    ),
    Row::new(
        "reassemble-options-none",
        "strict in-order reassembly, merge queued, noopts",
        "Holds data after a hole and merges it, without options.",
        || tcp(Reassemble::new(Keep::None)),
    ),
    Row::new(
        "drop-hole",
        "drop data after a hole",
        "Drops data after a hole in the sequence space.",
        || tcp(NoHoles::new(false)),
    ),
    Row::new(
        "dupack-hole",
        "dup ACK for data after a hole",
        "Drops data after a hole, and asks for what is missing.",
        || tcp(NoHoles::new(true)),
    ),
    Row::new(
        "drop-ack-unseen",
        "ACK beyond seen data: drop",
        "Drops acknowledgements of bytes that the host never sent.",
        || tcp(Acknowledged::new(Unseen::Drop)),
    ),
    Row::new(
        "rst-ack-unseen",
        "ACK beyond seen data: rst",
        "Answers acknowledgements of bytes that the host never sent with a RST.",
        || tcp(Acknowledged::new(Unseen::Reset)),
    ),
    Row::new(
        "reply-ack-unseen",
        "ACK beyond seen data: reply",
        "Answers acknowledgements of bytes that the host never sent with the true numbers.",
        || tcp(Acknowledged::new(Unseen::Answer)),
    ),
    Row::new(
        "correct-ack-unseen",
        "",
        "Corrects acknowledgements of bytes that the host never sent.",
        || tcp(Acknowledged::new(Unseen::Correct)),
    ),
    Row::new(
        "early-ack",
        "early pure ACK for data (keeps forwarding)",
        "Acknowledges the initiator's data before the host can.",
        || tcp(Early),
    ),
    Row::new(
        "rtx-original",
        "retransmission with other content: orig",
        "Puts the first content in the place of a retransmission's.",
        || tcp(Consistent::new(Again::Original)),
    ),
    Row::new(
        "rtx-ack",
        "retransmission with other content: ackdup",
        "Acknowledges and drops retransmissions of other content.",
        || tcp(Consistent::new(Again::Acknowledge)),
    ),
    Row::new("rtx-drop", "", "Drops retransmissions of other content.", || {
        tcp(Consistent::new(Again::Drop))
    }),
    Row::new("rtx-rst", "", "Answers retransmissions of other content with a RST.", || {
        tcp(Consistent::new(Again::Reset))
    }),
    Row::new("strip-syn-data", "drop SYN payload", "Removes the payload of SYNs.", || {
        edit(When::SYN, empty)
    }),
    Row::new("drop-syn-data", "drop SYN with payload", "Drops SYNs with a payload.", || {
        refuse(When::SYN, refuse::payload, Answer::Silence)
    }),
    Row::new(
        "rst-syn-data",
        "RST SYN with payload",
        "Answers SYNs with a payload with a RST.",
        || refuse(When::SYN, refuse::payload, Answer::Reset),
    ),
    Row::new(
        "strip-synack-data",
        "strip SYN/ACK payload",
        "Removes the payload of SYN-ACKs.",
        || edit(When::SYN_ACK, empty),
    ),
    Row::new("drop-synack-data", "", "Drops SYN-ACKs with a payload.", || {
        refuse(When::SYN_ACK, refuse::payload, Answer::Silence)
    }),
    Row::new(
        "drop-non-http",
        "DPI: drop non-HTTP payload",
        "Drops data that does not begin as HTTP does.",
        || refuse(When::OUT_DATA, content::not_http, Answer::Silence),
    ),
    Row::new("drop-http", "", "Drops HTTP, both requests and responses.", || {
        refuse(When::DATA, content::http, Answer::Silence)
    }),
    Row::new("change-content", "", "Changes the last byte of long payloads.", || {
        edit(When::DATA, content::change)
    }),
    Row::new("drop-large", "", "Drops what has more than 1400 bytes of payload.", || {
        refuse(When::DATA, refuse::large, Answer::Silence)
    }),
    Row::new("drop-fin-in", "", "Drops what the host sends with FIN.", || {
        refuse(When::IN, refuse::fin, Answer::Silence)
    }),
    Row::new("drop-tcp", "", "Lets no segment of the initiator pass.", || {
        refuse(When::OUT, |_| true, Answer::Silence)
    }),
    Row::new("forget-idle", "", "Forgets a connection that was silent for 800 ms.", || {
        tcp(Forgetful::default())
    }),
    Row::new(
        "split-tcp",
        "full split-TCP proxy, TS supported",
        "Ends connections and copies the bytes; speaks timestamps.",
        || tcp(Proxy::new(true, false)),
    ),
    Row::new(
        "split-tcp-plain",
        "",
        "Ends connections and copies the bytes; speaks no timestamps.",
        || tcp(Proxy::new(false, false)),
    ),
    Row::new(
        "http-proxy",
        "HTTP-only split-TCP proxy",
        "Ends connections, copies HTTP, and resets all else.",
        || tcp(Proxy::new(true, true)),
    ),
    Row::new(
        "syn-proxy",
        "",
        "Answers SYNs for the host, and shifts the numbers from then on.",
        || tcp(SynProxy::default()),
    ),
    Row::new("nat", "", "Gives connections its own address and a port of its own.", || {
        Box::new(Nat::default())
    }),
    Row::new("nat-loose", "", "As nat, but lets segments without flags pass as they are.", || {
        Box::new(LooseNat::default())
    }),
    Row::new("mss-clamp", "", "Lets no segment size above 1200 pass.", || {
        edit(When::HANDSHAKE, headers::clamp::<1200>)
    }),
    Row::new(
        "mss-400-syn",
        "SYN MSS clamped to 400 outbound",
        "Lets no segment size above 400 pass in SYNs.",
        || edit(When::SYN, headers::clamp::<400>),
    ),
    Row::new(
        "mss-459-synack",
        "SYN/ACK MSS clamped to 459 (odd)",
        "Lets no segment size above 459, an odd number, pass in SYN-ACKs.",
        || edit(When::SYN_ACK, headers::clamp::<459>),
    ),
    Row::new(
        "mss-1460-synack",
        "SYN/ACK MSS raised to 1460",
        "Sets the segment size of SYN-ACKs to 1460.",
        || edit(When::SYN_ACK, headers::resize::<1460>),
    ),
    Row::new("ecn-bleach", "", "Clears the ECN field, and the flags ECE, CWR and AE.", || {
        edit(When::ALWAYS, headers::bleach)
    }),
    Row::new("mark-ce", "", "Says that it is congested, to those who do not know ECN too.", || {
        edit(When::ALWAYS, headers::mark)
    }),
    Row::new("drop-ecn-syn", "", "Drops SYNs that ask for ECN.", || {
        refuse(When::SYN, refuse::ecn, Answer::Silence)
    }),
    Row::new("tos-zero", "", "Clears the type of service octet or traffic class.", || {
        edit(When::ALWAYS, headers::clear_service)
    }),
    Row::new("ttl-set", "", "Sets the time to live to 200.", || {
        edit(When::ALWAYS, headers::set_ttl)
    }),
    Row::new("clear-reserved", "", "Clears the reserved bits, AE among them.", || {
        edit(When::ALWAYS, headers::clear_reserved)
    }),
    Row::new(
        "drop-reserved",
        "",
        "Drops what the initiator sends with a reserved bit set.",
        || refuse(When::OUT, refuse::reserved, Answer::Silence),
    ),
    Row::new("clear-urgent", "", "Clears the urgent flag and pointer.", || {
        edit(When::ALWAYS, headers::clear_urgent)
    }),
    Row::new("drop-urgent", "", "Drops what the initiator sends with urgent data.", || {
        refuse(When::OUT, refuse::urgent, Answer::Silence)
    }),
    Row::new(
        "clear-unused",
        "",
        "Clears acknowledgement and urgent pointer where their flags are not set.",
        || edit(When::ALWAYS, headers::clear_unused),
    ),
    Row::new(
        "drop-flagless",
        "",
        "Drops what the initiator sends without SYN, ACK or RST.",
        || refuse(When::OUT, refuse::flagless, Answer::Silence),
    ),
    Row::new("tcp-checksum-break", "", "Leaves a wrong checksum on the initiator's data.", || {
        edit(When::OUT_DATA, headers::break_checksum)
    }),
    Row::new("tcp-checksum-mend", "", "Makes wrong checksums right.", || {
        edit(When::ALWAYS, headers::mend_checksum)
    }),
    Row::new(
        "drop-bad-checksum",
        "",
        "Drops what the initiator sends with a wrong checksum.",
        || refuse(When::OUT, refuse::broken, Answer::Silence),
    ),
];

fn router(quoting: Quoting) -> Box<dyn Middlebox> {
    Box::new(Router { quoting })
}

fn rewrite(when: When, kinds: fn(u8) -> bool, action: Action) -> Box<dyn Middlebox> {
    tcp(Rewrite { when, kinds, action })
}

fn refuse(when: When, if_it: fn(&Segment<'_>) -> bool, answer: Answer) -> Box<dyn Middlebox> {
    tcp(Refuse { when, if_it, answer })
}

fn stamps(when: When, change: fn(u32, u32) -> (u32, u32)) -> Box<dyn Middlebox> {
    tcp(timestamps::Change { when, change })
}

const fn shift(of: Direction, by: By, sack: bool) -> Shift {
    Shift { of, by, sack }
}

fn empty(segment: &mut Segment<'_>) {
    segment.payload = Cow::Borrowed(&[]);
}

/// A kind that is not assigned.
const UNASSIGNED: u8 = 114;

const MILLION: By = By::Constant(1_000_000);
