//! Today's questions, one row each.

use super::{
    catalogue::{Applies, Aspect, Before, Family, Row, Step},
    shape::{Opt, Reply, Shape, Text},
};
use crate::{
    experiment::stake,
    respond::v1::{Mode, Wrap},
    wire::{options::kind, tcp::Flags},
};

/// Writes a row: name, family, id, reference; the question; the noun; what is sent and looked at.
macro_rules! row {
    ($name:ident $family:ident $id:literal $reference:literal: $asks:literal, $noun:literal,
     $aspect:expr $(, $field:ident: $value:expr)*) => {
        Row {
            $($field: $value,)*
            ..Row {
                name: stringify!($name),
                id: $id,
                family: Family::$family,
                reference: $reference,
                asks: $asks,
                noun: $noun,
                applies: Applies::Both,
                syn: Shape::SYN,
                before: Before::Nothing,
                step: Step::Nothing,
                aspect: $aspect,
                stake: Family::$family.stake(),
            }
        }
    };
}

/// A SYN with these options.
const fn syn(options: &'static [Opt]) -> Shape {
    Shape::SYN.with_options(options)
}

/// A SYN with these flags and reserved bits.
const fn syn_with(flags: Flags) -> Shape {
    Shape::SYN.with_flags(flags)
}

/// A data segment, which orders a plain answer.
const fn data(shape: Shape) -> Step {
    Step::Segment(shape, Reply::PLAIN)
}

/// A data segment with these options.
const fn data_options(options: &'static [Opt]) -> Step {
    data(Shape::DATA.with_options(options))
}

/// A plain data segment, which orders this answer.
const fn order(reply: Reply) -> Step {
    Step::Segment(Shape::DATA, reply)
}

const UNKNOWN: u8 = 114;
const AE: Flags = Flags::AE;
const CWR: Flags = Flags::CWR;
const ECE: Flags = Flags::ECE;
const ECN_SETUP: Flags = CWR.with(ECE);
const ACCURATE: Flags = AE.with(CWR).with(ECE);
const URG: Flags = Flags::URG;
/// The three reserved bits, from the highest.
const R4: Flags = Flags::from_bits(0x800);
const R5: Flags = Flags::from_bits(0x400);
const R6: Flags = Flags::from_bits(0x200);

const ACCOUNT: Opt = Opt::Account;
const MSS: Opt = Opt::Mss(1460);
/// MP_CAPABLE of version 1: on the SYN, on the third segment, on data; with the flag for
/// HMAC-SHA256 (RFC 8684, section 3.1).
const MP_CAPABLE: Opt = Opt::With(kind::MPTCP, &[0x01, 0x01], 0);
const MP_CAPABLE_ACK: Opt = Opt::With(kind::MPTCP, &[0x01, 0x01], 16);
const MP_CAPABLE_DATA: Opt = Opt::With(kind::MPTCP, &[0x01, 0x01], 18);
const MP_CAPABLE_SUM: Opt = Opt::With(kind::MPTCP, &[0x01, 0x81], 20);
/// MP_CAPABLE of version 0 (RFC 6824, section 3.1).
const MP_CAPABLE_0: Opt = Opt::With(kind::MPTCP, &[0x00, 0x01], 8);
/// DSS with data acknowledgement and mapping, four bytes each (RFC 8684, section 3.3).
const DSS: Opt = Opt::With(kind::MPTCP, &[0x20, 0x05], 14);
const MPTCP: Aspect = Aspect::Option(kind::MPTCP);
const COOKIE: Opt = Opt::Random(kind::FAST_OPEN, 8);

/// The catalogue. Adding a question is adding a row and, at most, an aspect.
pub const ROWS: &[Row] = &[
    row!(Connect Connect "tcp.connect" "RFC 9293": "Does a plain connection work?",
        "A plain connection", Aspect::Arrival, step: data(Shape::DATA)),
    // Unknown options.
    row!(SynUnknown Options "tcp.opt.unknown.syn" "RFC 9293, 3.2": "Does an option of an unassigned kind on a SYN arrive?",
        "The unknown option of the SYN", Aspect::SynOption(UNKNOWN), syn: syn(&[MSS, Opt::Any(UNKNOWN)])),
    row!(SynAckUnknown Options "tcp.opt.unknown.synack" "RFC 9293, 3.2": "Does an option of an unassigned kind on a SYN/ACK arrive?",
        "The unknown option of the SYN/ACK", Aspect::SynAckOption(UNKNOWN), syn: syn(&[MSS, Opt::Any(UNKNOWN)])),
    row!(SynExperiment253 Options "tcp.opt.253.syn" "RFC 6994": "Does an experiment of kind 253 on a SYN arrive?",
        "The experimental option 253 of the SYN", Aspect::SynOption(253), syn: syn(&[MSS, Opt::Experiment(253)])),
    row!(SynAckExperiment253 Options "tcp.opt.253.synack" "RFC 6994": "Does an experiment of kind 253 on a SYN/ACK arrive?",
        "The experimental option 253 of the SYN/ACK", Aspect::SynAckOption(253), syn: syn(&[MSS, Opt::Experiment(253)])),
    row!(SynExperiment254 Options "tcp.opt.254.syn" "RFC 6994": "Does an experiment of kind 254 on a SYN arrive?",
        "The experimental option 254 of the SYN", Aspect::SynOption(254), syn: syn(&[MSS, Opt::Experiment(254)])),
    row!(AckUnknown Options "tcp.opt.unknown.ack" "RFC 9293, 3.2": "Does an unknown option on the third segment of the handshake arrive?",
        "The unknown option of the third segment", Aspect::Option(UNKNOWN),
        step: Step::Acknowledgement(Shape::ACK.with_options(&[Opt::Random(UNKNOWN, 6), ACCOUNT]))),
    row!(DataUnknown Options "tcp.opt.unknown.data" "RFC 9293, 3.2": "Does an unknown option on data arrive?",
        "The unknown option of the data", Aspect::Option(UNKNOWN), step: data_options(&[Opt::Any(UNKNOWN)])),
    row!(DataExperiment253 Options "tcp.opt.253.data" "RFC 6994": "Does an experiment of kind 253 on data arrive?",
        "The experimental option 253 of the data", Aspect::Option(253), step: data_options(&[Opt::Experiment(253)])),
    row!(PureAckUnknown Options "tcp.opt.unknown.pureack" "RFC 9293, 3.2": "Does an unknown option on a pure acknowledgement arrive?",
        "The unknown option of the pure acknowledgement", Aspect::Option(UNKNOWN), before: Before::Exchange,
        step: Step::Acknowledgement(Shape::ACK.with_options(&[Opt::Random(UNKNOWN, 6), ACCOUNT]))),
    row!(FinUnknown Options "tcp.opt.unknown.fin" "RFC 9293, 3.2": "Does an unknown option on a FIN arrive?",
        "The unknown option of the FIN", Aspect::Option(UNKNOWN), step: data(Shape::FIN.with_options(&[Opt::Any(UNKNOWN)]))),
    row!(InDataUnknown Options "tcp.opt.unknown.data" "RFC 9293, 3.2": "Does an unknown option on the host's data arrive?",
        "The unknown option of the host's data", Aspect::AnswerOption(UNKNOWN), step: order(Reply::with_options(&[Opt::Any(UNKNOWN)]))),
    row!(InPureAckUnknown Options "tcp.opt.unknown.pureack" "RFC 9293, 3.2": "Does an unknown option on the host's pure acknowledgement arrive?",
        "The unknown option of the host's pure acknowledgement", Aspect::AnswerOption(UNKNOWN),
        step: order(Reply { mode: Mode::Silent, ..Reply::with_options(&[Opt::Any(UNKNOWN)]) })),
    row!(InFinUnknown Options "tcp.opt.unknown.fin" "RFC 9293, 3.2": "Does an unknown option on the host's FIN arrive?",
        "The unknown option of the host's FIN", Aspect::AnswerOption(UNKNOWN),
        step: order(Reply { mode: Mode::Finish, ..Reply::with_options(&[Opt::Any(UNKNOWN)]) })),
    // The option zoo, one a connection.
    row!(SynSackPermitted Zoo "tcp.opt.sackok.syn" "RFC 2018": "Does the permission for selective acknowledgement arrive?",
        "SACK-permitted on the SYN", Aspect::SynOption(kind::SACK_PERMITTED), syn: syn(&[MSS, Opt::SackPermitted]), stake: &stake::SACK),
    row!(SynTimestamps Zoo "tcp.opt.timestamps.syn" "RFC 7323": "Do timestamps on a SYN arrive?",
        "The timestamps of the SYN", Aspect::SynOption(kind::TIMESTAMPS), syn: syn(&[MSS, Opt::Stamp])),
    row!(SynMd5 Zoo "tcp.opt.md5.syn" "RFC 2385": "Does an MD5 signature on a SYN arrive?",
        "The MD5 signature of the SYN", Aspect::SynOption(kind::MD5), syn: syn(&[MSS, Opt::Random(kind::MD5, 16)]), stake: &stake::SIGNATURES),
    row!(SynAo Zoo "tcp.opt.ao.syn" "RFC 5925": "Does the authentication option on a SYN arrive?",
        "The authentication option of the SYN", Aspect::SynOption(kind::AUTHENTICATION), syn: syn(&[MSS, Opt::Random(kind::AUTHENTICATION, 14)]), stake: &stake::SIGNATURES),
    row!(SynUserTimeout Zoo "tcp.opt.uto.syn" "RFC 5482": "Does a user timeout on a SYN arrive?",
        "The user timeout of the SYN", Aspect::SynOption(kind::USER_TIMEOUT), syn: syn(&[MSS, Opt::Random(kind::USER_TIMEOUT, 2)]), stake: &stake::USER_TIMEOUT),
    row!(SynQuickStart Zoo "tcp.opt.quickstart.syn" "RFC 4782": "Does a quick-start option on a SYN arrive?",
        "The quick-start option of the SYN", Aspect::SynOption(kind::QUICK_START), syn: syn(&[MSS, Opt::Random(kind::QUICK_START, 6)]), stake: &stake::QUICK_START),
    row!(SynEno Zoo "tcp.opt.eno.syn" "RFC 8547": "Does the negotiation of encryption on a SYN arrive?",
        "The encryption negotiation of the SYN", Aspect::SynOption(kind::ENCRYPTION_NEGOTIATION),
        syn: syn(&[MSS, Opt::With(kind::ENCRYPTION_NEGOTIATION, &[0x21, 0x22, 0x23], 0)]), stake: &stake::ENCRYPTION),
    row!(DataTimestamps Zoo "tcp.opt.timestamps.data" "RFC 7323": "Do timestamps on data arrive that were not negotiated?",
        "The timestamps of the data", Aspect::Option(kind::TIMESTAMPS), step: data_options(&[Opt::Nops, Opt::Stamp])),
    row!(DataSack Zoo "tcp.opt.sack.data" "RFC 2018": "Do SACK blocks arrive that were not negotiated?",
        "The SACK block of the data", Aspect::Sack, step: data_options(&[Opt::Nops, Opt::Sack]), stake: &stake::SACK),
    row!(DataMd5 Zoo "tcp.opt.md5.data" "RFC 2385": "Does an MD5 signature on data arrive?",
        "The MD5 signature of the data", Aspect::Option(kind::MD5), step: data_options(&[Opt::Random(kind::MD5, 16)]), stake: &stake::SIGNATURES),
    row!(DataAo Zoo "tcp.opt.ao.data" "RFC 5925": "Does the authentication option on data arrive?",
        "The authentication option of the data", Aspect::Option(kind::AUTHENTICATION), step: data_options(&[Opt::Random(kind::AUTHENTICATION, 14)]), stake: &stake::SIGNATURES),
    // Multipath TCP.
    row!(MpCapable Mptcp "tcp.opt.mptcp.syn" "RFC 8684, 3.1": "Does MP_CAPABLE of version 1 on a SYN arrive?",
        "MP_CAPABLE on the SYN", Aspect::SynOption(kind::MPTCP), syn: syn(&[MSS, MP_CAPABLE])),
    row!(MpCapableSynAck Mptcp "tcp.opt.mptcp.synack" "RFC 8684, 3.1": "Does the answer to MP_CAPABLE on the SYN/ACK arrive?",
        "The answer to MP_CAPABLE", Aspect::SynAckOption(kind::MPTCP), syn: syn(&[MSS, MP_CAPABLE])),
    row!(MpCapable0 Mptcp "tcp.opt.mptcp0.syn" "RFC 6824, 3.1": "Does MP_CAPABLE of version 0 on a SYN arrive?",
        "MP_CAPABLE of version 0 on the SYN", Aspect::SynOption(kind::MPTCP), syn: syn(&[MSS, MP_CAPABLE_0])),
    row!(MpCapableAck Mptcp "tcp.opt.mptcp.ack" "RFC 8684, 3.1": "Does MP_CAPABLE with both keys on the third segment arrive?",
        "MP_CAPABLE on the third segment", MPTCP, syn: syn(&[MSS, MP_CAPABLE]),
        step: Step::Acknowledgement(Shape::ACK.with_options(&[MP_CAPABLE_ACK, ACCOUNT]))),
    row!(MpCapableData Mptcp "tcp.opt.mptcp.data" "RFC 8684, 3.1": "Does MP_CAPABLE with the data level length on data arrive?",
        "MP_CAPABLE on the data", MPTCP, syn: syn(&[MSS, MP_CAPABLE]), step: data_options(&[MP_CAPABLE_DATA])),
    row!(MpCapableSum Mptcp "tcp.opt.mptcp.sum.data" "RFC 8684, 3.1": "Does MP_CAPABLE with a checksum on data arrive?",
        "MP_CAPABLE with checksum on the data", MPTCP, syn: syn(&[MSS, MP_CAPABLE]), step: data_options(&[MP_CAPABLE_SUM])),
    row!(MpDss Mptcp "tcp.opt.mptcp.dss.data" "RFC 8684, 3.3": "Does a data sequence mapping on data arrive?",
        "The data sequence signal", MPTCP, syn: syn(&[MSS, MP_CAPABLE]), step: data_options(&[DSS])),
    row!(InMpDss Mptcp "tcp.opt.mptcp.dss.data" "RFC 8684, 3.3": "Does a data sequence mapping on the host's data arrive?",
        "The host's data sequence signal", Aspect::AnswerOption(kind::MPTCP), step: order(Reply::with_options(&[DSS]))),
    // TCP Fast Open.
    row!(TfoRequest Tfo "tcp.opt.tfo.request.syn" "RFC 7413": "Does the request for a Fast Open cookie arrive?",
        "The request for a Fast Open cookie", Aspect::SynOption(kind::FAST_OPEN), syn: syn(&[MSS, Opt::Random(kind::FAST_OPEN, 0)])),
    row!(TfoExperiment Tfo "tcp.opt.tfo254.request.syn" "RFC 7413, 8": "Does the experimental request for a Fast Open cookie arrive?",
        "The experimental request for a Fast Open cookie", Aspect::SynOption(254), syn: syn(&[MSS, Opt::With(254, &[0xf9, 0x89], 0)])),
    row!(TfoCookie Tfo "tcp.opt.tfo.cookie.syn" "RFC 7413": "Does a Fast Open cookie with data on the SYN arrive?",
        "The Fast Open cookie", Aspect::SynOption(kind::FAST_OPEN), syn: syn(&[MSS, COOKIE]).with_text(Text::OnSyn(100))),
    row!(TfoData Tfo "tcp.opt.tfo.data.syn" "RFC 7413": "Does the data behind a Fast Open cookie arrive?",
        "The data with the Fast Open cookie", Aspect::SynPayload, syn: syn(&[MSS, COOKIE]).with_text(Text::OnSyn(100))),
    row!(TfoSynAck Tfo "tcp.opt.tfo.synack" "RFC 7413": "Does a Fast Open cookie on the SYN/ACK arrive?",
        "The Fast Open cookie of the SYN/ACK", Aspect::SynAckOption(kind::FAST_OPEN), syn: syn(&[MSS, COOKIE])),
    // ECN.
    row!(EcnSyn Ecn "tcp.ecn.syn" "RFC 3168, 6.1.1": "Do ECE and CWR on a SYN arrive?",
        "ECE and CWR on the SYN", Aspect::SynFlags(ECN_SETUP), syn: syn_with(ECN_SETUP)),
    row!(EcnSynAck Ecn "tcp.ecn.synack" "RFC 3168, 6.1.1": "Does ECE on the SYN/ACK arrive?",
        "ECE on the SYN/ACK", Aspect::SynAckFlags, syn: syn_with(ECN_SETUP)),
    row!(EcnEct0 Ecn "ip.ecn.ect0.data" "RFC 3168, 5": "Does ECT(0) on data arrive?",
        "ECT(0) on the data", Aspect::Class(3), syn: syn_with(ECN_SETUP), step: data(Shape::DATA.with_class(2))),
    row!(EcnEct1 Ecn "ip.ecn.ect1.data" "RFC 9331": "Does ECT(1) on data arrive?",
        "ECT(1) on the data", Aspect::Class(3), syn: syn_with(ECN_SETUP), step: data(Shape::DATA.with_class(1)), stake: &stake::LOW_LATENCY),
    row!(EcnCe Ecn "ip.ecn.ce.data" "RFC 3168, 5": "Does CE on data arrive?",
        "CE on the data", Aspect::Class(3), syn: syn_with(ECN_SETUP), step: data(Shape::DATA.with_class(3))),
    row!(EcnNot Ecn "ip.ecn.not.data" "RFC 3168, 5": "Does data that is not ECN-capable stay so?",
        "Not-ECT on the data", Aspect::Class(3), step: data(Shape::DATA)),
    row!(EcnEchoes Ecn "tcp.ecn.data" "RFC 3168, 6.1.2": "Do ECE and CWR on data arrive?",
        "ECE and CWR on the data", Aspect::Flags(ECN_SETUP), syn: syn_with(ECN_SETUP), step: data(Shape::DATA.with_flags(ECN_SETUP))),
    row!(InEct0 Ecn "ip.ecn.ect0.data" "RFC 3168, 5": "Does ECT(0) on the host's data arrive?",
        "ECT(0) on the host's data", Aspect::AnswerClass(3), step: order(Reply { class: 2, ..Reply::PLAIN })),
    row!(InEct1 Ecn "ip.ecn.ect1.data" "RFC 9331": "Does ECT(1) on the host's data arrive?",
        "ECT(1) on the host's data", Aspect::AnswerClass(3), step: order(Reply { class: 1, ..Reply::PLAIN }), stake: &stake::LOW_LATENCY),
    row!(InCe Ecn "ip.ecn.ce.data" "RFC 3168, 5": "Does CE on the host's data arrive?",
        "CE on the host's data", Aspect::AnswerClass(3), step: order(Reply { class: 3, ..Reply::PLAIN })),
    row!(InEcnEchoes Ecn "tcp.ecn.data" "RFC 3168, 6.1.2": "Do ECE and CWR on the host's data arrive?",
        "ECE and CWR on the host's data", Aspect::AnswerFlags(ECN_SETUP), step: order(Reply { flags: ECN_SETUP, ..Reply::PLAIN })),
    // Accurate ECN.
    row!(AccEcnSyn Accecn "tcp.accecn.syn" "RFC 9768, 3.1.1": "Do AE, CWR and ECE on a SYN arrive?",
        "AE, CWR and ECE on the SYN", Aspect::SynFlags(ACCURATE), syn: syn_with(ACCURATE)),
    row!(AccEcnNotEct Accecn "tcp.accecn.synack.not" "RFC 9768, 3.1.1": "Is the answer to a SYN without ECN field the one for it?",
        "The answer of Accurate ECN to Not-ECT", Aspect::SynAckFlags, syn: syn_with(ACCURATE)),
    row!(AccEcnEct1 Accecn "tcp.accecn.synack.ect1" "RFC 9768, 3.1.1": "Is the answer to a SYN with ECT(1) the one for it?",
        "The answer of Accurate ECN to ECT(1)", Aspect::SynAckFlags, syn: syn_with(ACCURATE).with_class(1)),
    row!(AccEcnEct0 Accecn "tcp.accecn.synack.ect0" "RFC 9768, 3.1.1": "Is the answer to a SYN with ECT(0) the one for it?",
        "The answer of Accurate ECN to ECT(0)", Aspect::SynAckFlags, syn: syn_with(ACCURATE).with_class(2)),
    row!(AccEcnCe Accecn "tcp.accecn.synack.ce" "RFC 9768, 3.1.1": "Is the answer to a SYN with CE the one for it?",
        "The answer of Accurate ECN to CE", Aspect::SynAckFlags, syn: syn_with(ACCURATE).with_class(3)),
    row!(SynEct Accecn "ip.ecn.ect0.syn" "RFC 9768, 3.2.2.2": "Does ECT(0) on a SYN arrive?",
        "ECT(0) on the SYN", Aspect::SynEcn, syn: syn_with(ACCURATE).with_class(2)),
    row!(SynCe Accecn "ip.ecn.ce.syn" "RFC 9768, 3.2.2.2": "Does CE on a SYN arrive?",
        "CE on the SYN", Aspect::SynEcn, syn: syn_with(ACCURATE).with_class(3)),
    row!(AccEcnData Accecn "tcp.accecn.ace.data" "RFC 9768, 3.2.2": "Does the counter of Accurate ECN on data arrive?",
        "The counter in AE, CWR and ECE of the data", Aspect::Flags(ACCURATE), step: data(Shape::DATA.with_flags(AE.with(ECE)))),
    row!(AccEcnOption0 Accecn "tcp.opt.accecn0.data" "RFC 9768, 3.2.3": "Does the option of Accurate ECN, order 0, on data arrive?",
        "The Accurate ECN option of order 0", Aspect::Option(kind::ACC_ECN_0), step: data_options(&[Opt::Random(kind::ACC_ECN_0, 9)])),
    row!(AccEcnOption1 Accecn "tcp.opt.accecn1.data" "RFC 9768, 3.2.3": "Does the option of Accurate ECN, order 1, on data arrive?",
        "The Accurate ECN option of order 1", Aspect::Option(kind::ACC_ECN_1), step: data_options(&[Opt::Random(kind::ACC_ECN_1, 9)])),
    row!(InAccEcnOption Accecn "tcp.opt.accecn0.data" "RFC 9768, 3.2.3": "Does the option of Accurate ECN on the host's data arrive?",
        "The host's Accurate ECN option", Aspect::AnswerOption(kind::ACC_ECN_0), step: order(Reply::with_options(&[Opt::Random(kind::ACC_ECN_0, 9)]))),
    // Reserved bits, one by one.
    row!(SynReserved4 Reserved "tcp.reserved4.syn" "RFC 9293, 3.1": "Does the first reserved bit on a SYN arrive?",
        "The first reserved bit of the SYN", Aspect::SynFlags(R4), syn: syn_with(R4)),
    row!(SynReserved5 Reserved "tcp.reserved5.syn" "RFC 9293, 3.1": "Does the second reserved bit on a SYN arrive?",
        "The second reserved bit of the SYN", Aspect::SynFlags(R5), syn: syn_with(R5)),
    row!(SynReserved6 Reserved "tcp.reserved6.syn" "RFC 9293, 3.1": "Does the third reserved bit on a SYN arrive?",
        "The third reserved bit of the SYN", Aspect::SynFlags(R6), syn: syn_with(R6)),
    row!(SynReserved7 Reserved "tcp.reserved7.syn" "RFC 9768, 3.1": "Does AE alone on a SYN arrive?",
        "AE, once NS, on the SYN", Aspect::SynFlags(AE), syn: syn_with(AE), stake: &stake::ACCURATE_ECN),
    row!(DataReserved4 Reserved "tcp.reserved4.data" "RFC 9293, 3.1": "Does the first reserved bit on data arrive?",
        "The first reserved bit of the data", Aspect::Flags(R4), step: data(Shape::DATA.with_flags(R4))),
    row!(DataReserved5 Reserved "tcp.reserved5.data" "RFC 9293, 3.1": "Does the second reserved bit on data arrive?",
        "The second reserved bit of the data", Aspect::Flags(R5), step: data(Shape::DATA.with_flags(R5))),
    row!(DataReserved6 Reserved "tcp.reserved6.data" "RFC 9293, 3.1": "Does the third reserved bit on data arrive?",
        "The third reserved bit of the data", Aspect::Flags(R6), step: data(Shape::DATA.with_flags(R6))),
    row!(InReserved Reserved "tcp.reserved.data" "RFC 9293, 3.1": "Do the reserved bits of the host's data arrive?",
        "The reserved bits of the host's data", Aspect::AnswerFlags(Flags::RESERVED), step: order(Reply { flags: Flags::RESERVED, ..Reply::PLAIN })),
    // Odd flags.
    row!(SynFin Flags "tcp.flags.synfin" "RFC 9293, 3.10.7": "Does a SYN with FIN arrive?",
        "FIN on the SYN", Aspect::SynFlags(Flags::FIN), syn: syn_with(Flags::FIN)),
    row!(SynPush Flags "tcp.flags.synpsh" "RFC 9293, 3.9.1.2": "Does a SYN with PSH arrive?",
        "PSH on the SYN", Aspect::SynFlags(Flags::PSH), syn: syn_with(Flags::PSH)),
    row!(DataNoPush Flags "tcp.flags.nopsh.data" "RFC 9293, 3.9.1.2": "Does data without PSH arrive without it?",
        "The data without PSH", Aspect::Flags(Flags::PSH), step: data(Shape { flags: Flags::ACK, ..Shape::DATA })),
    row!(DataNoFlags Flags "tcp.flags.none.data" "RFC 9293, 3.10.7": "Does a segment without any flag arrive?",
        "A segment without flags", Aspect::Arrival, step: data(Shape { flags: Flags::NONE, ..Shape::DATA })),
    // The urgent pointer.
    row!(Urgent Urgent "tcp.urg.data" "RFC 6093": "Does URG with its pointer arrive?",
        "URG on the data", Aspect::Flags(URG), step: data(Shape { urgent: 5, ..Shape::DATA.with_flags(URG) })),
    row!(UrgentPointer Urgent "tcp.urgptr.data" "RFC 6093": "Does the urgent pointer arrive that stands with URG?",
        "The urgent pointer", Aspect::Urgent, step: data(Shape { urgent: 5, ..Shape::DATA.with_flags(URG) })),
    row!(UrgentPayload Urgent "tcp.urg.payload" "RFC 6093": "Does the payload of an urgent segment arrive whole?",
        "The payload of the urgent segment", Aspect::Payload, step: data(Shape { urgent: 5, ..Shape::DATA.with_flags(URG) })),
    row!(UrgentStray Urgent "tcp.urgptr.stray.data" "RFC 9293, 3.1": "Does an urgent pointer without URG arrive?",
        "The urgent pointer without URG", Aspect::Urgent, step: data(Shape { urgent: 5, ..Shape::DATA })),
    row!(InUrgent Urgent "tcp.urg.data" "RFC 6093": "Does URG on the host's data arrive?",
        "URG on the host's data", Aspect::AnswerFlags(URG), step: order(Reply { flags: URG, urgent: 5, ..Reply::PLAIN })),
    row!(InUrgentPointer Urgent "tcp.urgptr.data" "RFC 6093": "Does the urgent pointer of the host's data arrive?",
        "The urgent pointer of the host's data", Aspect::AnswerUrgent, step: order(Reply { flags: URG, urgent: 5, ..Reply::PLAIN })),
    // Payload on SYN and SYN/ACK, without other options.
    row!(SynData1 Payload "tcp.syn.payload.1" "RFC 9293, 3.4": "Does a SYN with two bytes of payload arrive whole?",
        "A payload of two bytes on the SYN", Aspect::SynPayload, syn: Shape::SYN.with_text(Text::OnSyn(2))),
    row!(SynData128 Payload "tcp.syn.payload.128" "RFC 9293, 3.4": "Does a SYN with 128 bytes of payload arrive whole?",
        "A payload of 128 bytes on the SYN", Aspect::SynPayload, syn: Shape::SYN.with_text(Text::OnSyn(128))),
    row!(SynData512 Payload "tcp.syn.payload.512" "RFC 9293, 3.4": "Does a SYN with 512 bytes of payload arrive whole?",
        "A payload of 512 bytes on the SYN", Aspect::SynPayload, syn: Shape::SYN.with_text(Text::OnSyn(512))),
    row!(SynData1300 Payload "tcp.syn.payload.1300" "RFC 9293, 3.4": "Does a SYN with 1300 bytes of payload arrive whole?",
        "A payload of 1300 bytes on the SYN", Aspect::SynPayload, syn: Shape::SYN.with_text(Text::OnSyn(1300))),
    row!(SynAckData Payload "tcp.synack.payload" "RFC 9293, 3.4": "Does payload on a SYN/ACK arrive?",
        "The payload of the SYN/ACK", Aspect::SynAckPayload, syn: Shape::SYN.with_text(Text::Asking(512)), stake: &stake::SYN_ACK_PAYLOAD),
    // Segment size and window scale.
    row!(Mss1460 Mss "tcp.opt.mss.1460.syn" "RFC 6691": "Does a segment size of 1460 arrive?",
        "The segment size 1460", Aspect::SynMss, syn: syn(&[Opt::Mss(1460), ACCOUNT])),
    row!(Mss536 Mss "tcp.opt.mss.536.syn" "RFC 6691": "Does a segment size of 536 arrive?",
        "The segment size 536", Aspect::SynMss, syn: syn(&[Opt::Mss(536), ACCOUNT])),
    row!(Mss9000 Mss "tcp.opt.mss.9000.syn" "RFC 6691": "Does a segment size of 9000 arrive?",
        "The segment size 9000", Aspect::SynMss, syn: syn(&[Opt::Mss(9000), ACCOUNT])),
    row!(MssNone Mss "tcp.opt.mss.none.syn" "RFC 9293, 3.7.1": "Does a SYN without segment size stay without?",
        "The absence of a segment size", Aspect::SynMss, syn: syn(&[ACCOUNT])),
    row!(Scale0 Mss "tcp.opt.wscale.0.syn" "RFC 7323, 2": "Does a window scale of 0 arrive?",
        "The window scale 0", Aspect::SynScale, syn: syn(&[MSS, Opt::Scale(0), ACCOUNT]), stake: &stake::WINDOW_SCALE),
    row!(Scale7 Mss "tcp.opt.wscale.7.syn" "RFC 7323, 2": "Does a window scale of 7 arrive?",
        "The window scale 7", Aspect::SynScale, syn: syn(&[MSS, Opt::Scale(7), ACCOUNT]), stake: &stake::WINDOW_SCALE),
    row!(Scale14 Mss "tcp.opt.wscale.14.syn" "RFC 7323, 2": "Does a window scale of 14 arrive?",
        "The window scale 14", Aspect::SynScale, syn: syn(&[MSS, Opt::Scale(14), ACCOUNT]), stake: &stake::WINDOW_SCALE),
    row!(Window Mss "tcp.window.syn" "RFC 9293, 3.1": "Does the window of a SYN arrive?",
        "The window of the SYN", Aspect::SynWindow, syn: syn(&[MSS, ACCOUNT]), stake: &stake::WINDOW),
    // Full packets.
    row!(FullPacket Mtu "ip.mtu.out" "RFC 4821": "Does a packet of 1,500 bytes that must not be fragmented arrive?",
        "A packet of 1,500 bytes", Aspect::Arrival, step: data(Shape::DATA.with_text(Text::Packet(1500)))),
    row!(InFullPacket Mtu "ip.mtu.in" "RFC 4821": "Does a packet of 1,480 bytes from the host arrive?",
        "A packet of 1,480 bytes from the host", Aspect::AnswerSegments, step: order(Reply { room: 1416, ..Reply::PLAIN })),
    // Sequence numbers.
    row!(SeqOut Isn "tcp.seq.out" "RFC 9293, 3.4": "Are our sequence numbers left alone?",
        "Our sequence number", Aspect::Seq, step: data(Shape::DATA)),
    row!(SeqIn Isn "tcp.seq.in" "RFC 9293, 3.4": "Are the host's sequence numbers left alone?",
        "The host's sequence number", Aspect::AnswerSeq, step: data(Shape::DATA)),
    row!(SackSpace Isn "tcp.sack.space" "RFC 2018": "Do SACK blocks stay in the space of the acknowledgement number?",
        "The SACK block", Aspect::Sack, syn: syn(&[MSS, Opt::SackPermitted]), step: data_options(&[Opt::Nops, Opt::Sack]), stake: &stake::SACK),
    // The host's side of every test of data.
    row!(InSplit Inbound "tcp.segments.split.in" "RFC 9293, 3.7": "Do two segments of the host arrive as they were sent?",
        "The host's two segments", Aspect::AnswerSegments, step: order(Reply::in_mode(Mode::Split))),
    row!(InBurst Inbound "tcp.segments.burst.in" "RFC 9293, 3.7": "Do three segments of the host arrive as they were sent?",
        "The host's three segments", Aspect::AnswerSegments, step: order(Reply::in_mode(Mode::Burst))),
    row!(InHole Inbound "tcp.segments.hole.in" "RFC 9293, 3.10": "Does a segment of the host arrive that leaves a hole before it?",
        "The host's segment behind a hole", Aspect::AnswerSegments, step: order(Reply::in_mode(Mode::Hole)), stake: &stake::HOLES),
    row!(InOverlap Inbound "tcp.segments.overlap.in" "RFC 9293, 3.10": "Does a retransmission of the host with other content arrive?",
        "The host's retransmission with other content", Aspect::AnswerSegments, step: order(Reply::in_mode(Mode::Overlap)), stake: &stake::RETRANSMISSIONS),
    row!(InReordered Inbound "tcp.segments.reordered.in" "RFC 9293, 3.10": "Do two segments of the host arrive that were sent in the wrong order?",
        "The host's reordered segments", Aspect::AnswerSegments, step: order(Reply::in_mode(Mode::Reordered)), stake: &stake::HOLES),
    row!(InFin Inbound "tcp.segments.fin.in" "RFC 9293, 3.6": "Does the host's FIN arrive behind its data?",
        "The host's FIN", Aspect::AnswerSegments, step: order(Reply::in_mode(Mode::Finish)), stake: &stake::CLOSING),
    // Payloads of other protocols.
    row!(HttpGet Dialect "tcp.payload.http.get" "RFC 9112": "Does an HTTP/1.1 GET request arrive unchanged?",
        "An HTTP GET request", Aspect::Payload, step: data(Shape::DATA.with_text(Text::Get))),
    row!(HttpPost Dialect "tcp.payload.http.post" "RFC 9112": "Does an HTTP/1.1 POST request arrive unchanged?",
        "An HTTP POST request", Aspect::Payload, step: data(Shape::DATA.with_text(Text::Post))),
    row!(TlsHello Dialect "tcp.payload.tls" "RFC 8446": "Does a TLS ClientHello arrive unchanged?",
        "A TLS ClientHello", Aspect::Payload, step: data(Shape::DATA.with_text(Text::Tls))),
    row!(Http2 Dialect "tcp.payload.http2" "RFC 9113": "Does the preface of HTTP/2 arrive unchanged?",
        "The preface of HTTP/2", Aspect::Payload, step: data(Shape::DATA.with_text(Text::Http2))),
    row!(RandomBytes Dialect "tcp.payload.random" "RFC 9293": "Do random bytes arrive unchanged?",
        "Random bytes", Aspect::Payload, step: data(Shape::DATA.with_text(Text::Random))),
    row!(InHttp Dialect "tcp.payload.http.in" "RFC 9112": "Does an HTTP response arrive unchanged?",
        "The host's HTTP response", Aspect::AnswerPayload, step: Step::Segment(Shape::DATA.with_text(Text::Post), Reply { wrap: Wrap::Http, room: 600, ..Reply::PLAIN })),
    row!(InTls Dialect "tcp.payload.tls.in" "RFC 8446": "Does a TLS record arrive unchanged?",
        "The host's TLS record", Aspect::AnswerPayload, step: Step::Segment(Shape::DATA.with_text(Text::Tls), Reply { wrap: Wrap::Tls, room: 600, ..Reply::PLAIN })),
    row!(InPlain Dialect "tcp.payload.plain.in" "RFC 9293": "Does the host's data arrive unchanged?",
        "The host's data", Aspect::AnswerPayload, step: order(Reply { room: 600, ..Reply::PLAIN })),
    // What a NAT shows.
    row!(Address Nat "ip.source" "RFC 3022": "Does our address arrive?",
        "Our address", Aspect::Address, step: data(Shape::DATA)),
    row!(Port Nat "tcp.port.source" "RFC 3022": "Does our port arrive?",
        "Our port", Aspect::Port, step: data(Shape::DATA)),
    row!(Id Nat "ip.id" "RFC 6864": "Does the identification of the IPv4 header arrive?",
        "The identification", Aspect::Id, applies: Applies::V4, step: data(Shape::DATA), stake: &stake::IDENTIFICATION),
    row!(Hops Nat "ip.ttl" "RFC 791": "Is the time to live counted down from where it was?",
        "The time to live", Aspect::Hops, step: data(Shape::DATA), stake: &stake::HOPS),
    row!(Dscp Nat "ip.dscp" "RFC 2474": "Does a DSCP (46) arrive?",
        "The DSCP", Aspect::Class(0xfc), step: data(Shape::DATA.with_class(0xb8)), stake: &stake::SERVICE_CLASS),
    row!(InDscp Nat "ip.dscp" "RFC 2474": "Does the host's DSCP (46) arrive?",
        "The host's DSCP", Aspect::AnswerClass(0xfc), step: order(Reply { class: 0xb8, ..Reply::PLAIN }), stake: &stake::SERVICE_CLASS),
    // Timers and states.
    row!(IdleData Timer "tcp.state.idle" "RFC 5382": "Does data arrive after a silence?",
        "Data after a silence", Aspect::Arrival, before: Before::Idle, step: data(Shape::DATA)),
    row!(IdleFin Timer "tcp.state.idle.fin" "RFC 5382": "Does a FIN arrive after a silence?",
        "A FIN after a silence", Aspect::Arrival, before: Before::Idle, step: data(Shape::FIN)),
    row!(ResetInWindow Timer "tcp.state.reset" "RFC 5961, 3": "Does data arrive after a reset that a host would not heed?",
        "Data after a reset within the window", Aspect::Arrival, before: Before::Reset, step: data(Shape::DATA), stake: &stake::BLIND_ATTACKS),
    row!(HalfClose Timer "tcp.state.halfclose" "RFC 9293, 3.6": "Does the host's data arrive after our FIN?",
        "Data after our FIN", Aspect::Arrival, before: Before::HalfClose, step: data(Shape::DATA), stake: &stake::CLOSING),
    // Attacks by somebody who does not see the connection.
    row!(BlindReset Blind "tcp.blind.rst" "RFC 5961, 3": "Does a server challenge a reset within the window?",
        "The challenge to a reset within the window", Aspect::Challenge, applies: Applies::Server, step: Step::Blind(Flags::RST)),
    row!(BlindSyn Blind "tcp.blind.syn" "RFC 5961, 4": "Does a server challenge a SYN within a connection?",
        "The challenge to a SYN within a connection", Aspect::Challenge, applies: Applies::Server, step: Step::Blind(Flags::SYN)),
    // Checksums.
    row!(WrongSum Checksum "tcp.checksum.wrong" "RFC 9293, 3.1": "Does a segment with a wrong checksum arrive, and stay wrong?",
        "The wrong checksum", Aspect::WrongSum, step: data(Shape { wrong_sum: true, ..Shape::DATA })),
    // IP.
    row!(FlowLabel Ip "ip6.flow" "RFC 6437": "Does the flow label arrive?",
        "The flow label", Aspect::FlowLabel, applies: Applies::V6, step: data(Shape { flow: 0x5_1234, ..Shape::DATA })),
    row!(IpOptions Ip "ip.options" "RFC 7126": "Does a packet with IP options that do nothing arrive?",
        "A packet with IP options", Aspect::IpOptions, step: data(Shape { ip_options: true, ..Shape::DATA })),
];
