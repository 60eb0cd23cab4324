//! A classic BPF program that lets through only what can be an answer.
//!
//! TCP to our ports from our peers passes always. How much passes beside it, so that no answer is
//! lost, is a matter of [`Care`]: fragments, IPv6 extension headers and headers cut short cannot be
//! read in one look, and whose ICMP errors are is seen in what they quote. The rest is left to the
//! engine.
//!
//! Blocks are put together from smaller blocks, each of which falls out at its end or returns, so
//! that no jump is counted by hand.

mod machine;

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    ops::RangeInclusive,
};

pub use machine::run;
use tcpexposure_core::wire::packet::Start;

/// What can be an answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Interest {
    /// The addresses that TCP may come from; none means any.
    pub peers: Vec<IpAddr>,
    /// Our ports that TCP may come to; none means any.
    pub ports: Vec<RangeInclusive<u16>>,
}

/// What is let through beside TCP to our ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Care {
    /// All ICMP errors, and whatever cannot be read in one look.
    Lenient,
    /// ICMP errors that quote TCP from our ports, and what holds TCP but does not show its ports.
    Scan,
    /// ICMP errors that quote TCP from our ports. What is in doubt is left to the kernel, from which
    /// what passes is taken away.
    Exact,
}

impl Interest {
    /// Assembles the lenient program for frames that begin with `start`.
    ///
    /// `None` when it would be longer than the `most` instructions that the system takes: 4,096 on
    /// Linux, 512 elsewhere (BPF_MAXINSNS).
    #[must_use]
    pub fn assemble(&self, start: Start, most: usize) -> Option<Vec<Instruction>> {
        self.assemble_with(Care::Lenient, start, most)
    }

    /// Assembles the program of this care, as [`assemble`](Self::assemble) does.
    #[must_use]
    pub fn assemble_with(&self, care: Care, start: Start, most: usize) -> Option<Vec<Instruction>> {
        if self.peers.len() + self.ports.len() > most {
            return None;
        }
        let doubt = if care == Care::Exact { REJECT } else { ACCEPT };
        let judge = Judge { interest: self, care, doubt };
        let (v4, v6) = (judge.v4(), judge.v6());
        let program = match start {
            Start::Ethernet => ethernet(&v4, &v6, doubt),
            Start::Ip => by_version(0, &v4, &v6),
            Start::Null | Start::Loop => by_version(4, &v4, &v6),
            Start::Ppp => ppp(&v4, &v6),
            Start::LinuxSll => by_version(16, &v4, &v6),
            Start::LinuxSll2 => by_version(20, &v4, &v6),
        };
        (program.len() <= most).then_some(program)
    }
}

/// What judges packets.
struct Judge<'a> {
    interest: &'a Interest,
    care: Care,
    /// What becomes of what cannot be read in one look.
    doubt: Instruction,
}

impl Judge<'_> {
    /// Judges the IPv4 packet at X.
    fn v4(&self) -> Block {
        let tcp = join([
            self.peers_v4(),
            vec![load(BPF_H | BPF_IND, 6)],
            when(BPF_JSET, 0x3fff, vec![self.doubt]),
            self.skip_v4_header(),
            self.ports(DESTINATION),
        ]);
        let icmp = join([
            vec![load(BPF_H | BPF_IND, 6)],
            when(BPF_JSET, 0x1fff, vec![self.fragment()]),
            self.skip_v4_header(),
            vec![load(BPF_B | BPF_IND, 0)],
            // The types of errors; the error's own header has eight bytes.
            when_any_block(&[3, 4, 5, 11, 12], self.quote_v4()),
            vec![REJECT],
        ]);
        join([
            vec![load(BPF_B | BPF_IND, 9)],
            when(BPF_JEQ, 6, tcp),
            when(BPF_JEQ, 1, icmp),
            vec![REJECT],
        ])
    }

    /// Judges the IPv6 packet at X.
    fn v6(&self) -> Block {
        let tcp = join([self.peers_v6(), skip(40), self.ports(DESTINATION)]);
        let icmp = join([
            vec![load(BPF_B | BPF_IND, 40)],
            when(BPF_JGE, 128, vec![REJECT]),
            self.quote_v6(),
        ]);
        join([
            vec![load(BPF_B | BPF_IND, 6)],
            when(BPF_JEQ, 6, tcp),
            when(BPF_JEQ, 58, icmp),
            when(BPF_JEQ, 17, vec![REJECT]),
            self.extension(),
        ])
    }

    /// Judges what an ICMP error at X quotes.
    fn quote_v4(&self) -> Block {
        if self.care == Care::Lenient {
            return vec![ACCEPT];
        }
        join([
            skip(8),
            vec![load(BPF_B | BPF_IND, 9)],
            when(BPF_JEQ, 6, join([self.skip_v4_header(), self.ports(SOURCE)])),
            vec![REJECT],
        ])
    }

    /// Judges what an ICMPv6 error in the packet at X quotes; its own header has eight bytes.
    fn quote_v6(&self) -> Block {
        if self.care == Care::Lenient {
            return vec![ACCEPT];
        }
        join([
            skip(48),
            vec![load(BPF_B | BPF_IND, 6)],
            when(BPF_JEQ, 6, join([skip(40), self.ports(SOURCE)])),
            self.extension(),
        ])
    }

    /// Judges the IPv6 packet at X, whose header is followed by neither TCP, UDP nor ICMPv6.
    fn extension(&self) -> Block {
        if self.care == Care::Lenient {
            return vec![ACCEPT];
        }
        // The first byte of an extension tells what comes next: TCP, or a further extension.
        let further =
            join([vec![load(BPF_B | BPF_IND, 40)], when_any(&TO_TCP, &[self.doubt]), vec![REJECT]]);
        join([when_any_block(&TO_TCP[1..], further), vec![REJECT]])
    }

    /// What becomes of a later fragment of ICMP over IPv4.
    fn fragment(&self) -> Instruction {
        if self.care == Care::Lenient { ACCEPT } else { REJECT }
    }

    /// Rejects the IPv4 packet at X unless it comes from a peer.
    fn peers_v4(&self) -> Block {
        let peers = self.interest.peers.iter().filter_map(|peer| match peer {
            IpAddr::V4(peer) => Some(*peer),
            IpAddr::V6(_) => None,
        });
        self.unless_any(peers.map(is_from_v4).collect())
    }

    /// Rejects the IPv6 packet at X unless it comes from a peer.
    fn peers_v6(&self) -> Block {
        let peers = self.interest.peers.iter().filter_map(|peer| match peer {
            IpAddr::V4(_) => None,
            IpAddr::V6(peer) => Some(*peer),
        });
        self.unless_any(peers.map(is_from_v6).collect())
    }

    /// Rejects what no test lets through; a test falls out at its end if it fails, and jumps one
    /// further if it holds.
    fn unless_any(&self, tests: Vec<Block>) -> Block {
        if self.interest.peers.is_empty() {
            return Block::new();
        }
        tests.into_iter().rfold(vec![REJECT], |rest, test| {
            let past = ja(rest.len());
            join([test, vec![ja(1), past], rest])
        })
    }

    /// Accepts the TCP header at X if one of our ports stands in it where it is looked for.
    fn ports(&self, at: u32) -> Block {
        let ports = &self.interest.ports;
        if ports.is_empty() {
            return vec![ACCEPT];
        }
        // A load beyond the end rejects, which is what becomes of doubt where it is not let through.
        let too_short = vec![
            op(BPF_STX, 0),
            op(BPF_MISC | BPF_TXA, 0),
            op(BPF_ALU | BPF_ADD | BPF_K, 4),
            op(BPF_MISC | BPF_TAX, 0),
            op(BPF_LD | BPF_W | BPF_LEN, 0),
            jump(BPF_JGE | BPF_X, 0, 1, 0),
            self.doubt,
            op(BPF_LDX | BPF_MEM, 0),
        ];
        let tests = ports.iter().flat_map(|range| {
            let (first, last) = (u32::from(*range.start()), u32::from(*range.end()));
            [jump(BPF_JGE, first, 0, 2), jump(BPF_JGT, last, 1, 0), ACCEPT]
        });
        let too_short = if self.doubt == REJECT { Block::new() } else { too_short };
        join([too_short, vec![load(BPF_H | BPF_IND, at)], tests.collect(), vec![REJECT]])
    }

    /// Moves X behind the IPv4 header; one whose length is absurd is in doubt.
    fn skip_v4_header(&self) -> Block {
        vec![
            load(BPF_B | BPF_IND, 0),
            op(BPF_ALU | BPF_AND | BPF_K, 0x0f),
            jump(BPF_JGE, 5, 1, 0),
            self.doubt,
            op(BPF_ALU | BPF_LSH | BPF_K, 2),
            op(BPF_ALU | BPF_ADD | BPF_X, 0),
            op(BPF_MISC | BPF_TAX, 0),
        ]
    }
}

/// One instruction, laid out as every system has it: struct bpf_insn, on Linux struct sock_filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Instruction {
    /// What to do.
    pub code: u16,
    /// How many instructions to skip if a comparison holds.
    pub jt: u8,
    /// How many to skip if it does not.
    pub jf: u8,
    /// The operand.
    pub k: u32,
}

/// Instructions in a row.
type Block = Vec<Instruction>;

fn ethernet(v4: &Block, v6: &Block, doubt: Instruction) -> Block {
    let tags = (1..=TAGS).flat_map(|count| {
        let inner = [load_x(14 + 4 * count), load(BPF_H | BPF_ABS, 12 + 4 * count)];
        when_any(&TAG_TYPES, &inner)
    });
    join([
        vec![load_x(14), load(BPF_H | BPF_ABS, 12)],
        tags.collect(),
        when(BPF_JEQ, 0x0800, v4.clone()),
        when(BPF_JEQ, 0x86dd, v6.clone()),
        when_any(&TAG_TYPES, &[doubt]),
        vec![REJECT],
    ])
}

/// Judges the IP packet behind a link-layer header of `at` bytes by its own version.
fn by_version(at: u32, v4: &Block, v6: &Block) -> Block {
    join([
        vec![load_x(at), load(BPF_B | BPF_ABS, at), op(BPF_ALU | BPF_AND | BPF_K, 0xf0)],
        when(BPF_JEQ, 0x40, v4.clone()),
        when(BPF_JEQ, 0x60, v6.clone()),
        vec![REJECT],
    ])
}

/// Passes over the protocol field of PPP, and over its HDLC framing where that is there.
fn ppp(v4: &Block, v6: &Block) -> Block {
    join([
        vec![load(BPF_H | BPF_ABS, 0)],
        when(BPF_JEQ, 0xff03, by_version(4, v4, v6)),
        by_version(2, v4, v6),
    ])
}

/// Moves X by so many bytes.
fn skip(count: u32) -> Block {
    vec![op(BPF_MISC | BPF_TXA, 0), op(BPF_ALU | BPF_ADD | BPF_K, count), op(BPF_MISC | BPF_TAX, 0)]
}

/// Jumps one further if the IPv4 packet at X comes from `peer`.
fn is_from_v4(peer: Ipv4Addr) -> Block {
    vec![load(BPF_W | BPF_IND, 12), jump(BPF_JEQ, peer.to_bits(), 1, 0)]
}

/// Jumps one further if the IPv6 packet at X comes from `peer`.
fn is_from_v6(peer: Ipv6Addr) -> Block {
    let bits = peer.to_bits();
    let words = [(bits >> 96) as u32, (bits >> 64) as u32, (bits >> 32) as u32, bits as u32];
    let mut block = Block::new();
    for (at, word, left) in [(8, 0, 6), (12, 1, 4), (16, 2, 2)] {
        block.extend([load(BPF_W | BPF_IND, at), jump(BPF_JEQ, words[word], 0, left)]);
    }
    block.extend([load(BPF_W | BPF_IND, 20), jump(BPF_JEQ, words[3], 1, 0)]);
    block
}

/// Runs `then` if A compares so with `value`.
fn when(comparison: u32, value: u32, then: Block) -> Block {
    join([vec![jump(comparison, value, 1, 0), ja(then.len())], then])
}

/// Runs `then`, however long, if A is one of `values`, which are few.
fn when_any_block(values: &[u32], then: Block) -> Block {
    // Those that hold jump over the way out, to the block.
    join([when_any(values, &[ja(1)]), vec![ja(then.len())], then])
}

/// Runs `then`, which is short, if A is one of `values`, which are few.
fn when_any(values: &[u32], then: &[Instruction]) -> Block {
    let tests = values.iter().enumerate().map(|(index, value)| {
        let further = u8::try_from(values.len() - index).unwrap_or(u8::MAX);
        jump(BPF_JEQ, *value, further, 0)
    });
    join([tests.collect(), vec![ja(then.len())], then.to_vec()])
}

fn join<const N: usize>(blocks: [Block; N]) -> Block {
    blocks.concat()
}

const fn load(mode: u32, at: u32) -> Instruction {
    op(BPF_LD | mode, at)
}

const fn load_x(value: u32) -> Instruction {
    op(BPF_LDX | BPF_W | BPF_IMM, value)
}

fn ja(count: usize) -> Instruction {
    op(BPF_JMP | BPF_JA, u32::try_from(count).unwrap_or(u32::MAX))
}

const fn jump(comparison: u32, value: u32, jt: u8, jf: u8) -> Instruction {
    Instruction { code: (BPF_JMP | comparison) as u16, jt, jf, k: value }
}

const fn op(code: u32, k: u32) -> Instruction {
    Instruction { code: code as u16, jt: 0, jf: 0, k }
}

/// Lets the whole packet through.
const ACCEPT: Instruction = op(BPF_RET | BPF_K, 0x0004_0000);
/// Lets nothing through.
const REJECT: Instruction = op(BPF_RET | BPF_K, 0);
/// Where the ports stand in a TCP header.
const SOURCE: u32 = 0;
const DESTINATION: u32 = 2;
/// What may stand before TCP or be it: TCP, and the IPv6 extensions for hops, routing, fragments
/// and destinations.
const TO_TCP: [u32; 5] = [6, 0, 43, 44, 60];
/// The EtherTypes of VLAN tags: 802.1Q, 802.1ad, and what came before it.
const TAG_TYPES: [u32; 3] = [0x8100, 0x88a8, 0x9100];
/// How many tags are read; a frame with more passes.
const TAGS: u32 = 3;
/// A program that lets nothing through, for sockets that must stay deaf.
pub const NOTHING: [Instruction; 1] = [REJECT];

// net/bpf.h, the same on every system.
const BPF_LD: u32 = 0x00;
const BPF_LDX: u32 = 0x01;
const BPF_STX: u32 = 0x03;
const BPF_ALU: u32 = 0x04;
const BPF_JMP: u32 = 0x05;
const BPF_RET: u32 = 0x06;
const BPF_MISC: u32 = 0x07;
const BPF_W: u32 = 0x00;
const BPF_H: u32 = 0x08;
const BPF_B: u32 = 0x10;
const BPF_IMM: u32 = 0x00;
const BPF_ABS: u32 = 0x20;
const BPF_IND: u32 = 0x40;
const BPF_MEM: u32 = 0x60;
const BPF_LEN: u32 = 0x80;
const BPF_ADD: u32 = 0x00;
const BPF_AND: u32 = 0x50;
const BPF_LSH: u32 = 0x60;
const BPF_JA: u32 = 0x00;
const BPF_JEQ: u32 = 0x10;
const BPF_JGT: u32 = 0x20;
const BPF_JGE: u32 = 0x30;
const BPF_JSET: u32 = 0x40;
const BPF_K: u32 = 0x00;
const BPF_X: u32 = 0x08;
const BPF_TAX: u32 = 0x00;
const BPF_TXA: u32 = 0x80;

#[cfg(test)]
mod tests;
