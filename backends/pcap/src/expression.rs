//! An interest in libpcap's own words.
//!
//! It lets through exactly what the assembled program of the same interest does, but for frames
//! with VLAN tags: all of them pass, and the engine sorts them out.

use std::net::IpAddr;

use tcpexposure_core::wire::packet::Start;
use tcpexposure_link::filter::Interest;

/// Words a filter for frames that begin with `start`, as pcap-filter(7) has it.
#[must_use]
pub fn words(interest: &Interest, start: Start) -> String {
    let link = header(start);
    let mut ways = vec![icmp_v4()];
    ways.extend(tcp_v4(interest, link));
    ways.extend(tcp_v6(interest, link));
    ways.push(other_v6());
    if start == Start::Ethernet {
        // Whatever follows `vlan` is read behind the tag, so that it must come last.
        ways.push("vlan".to_owned());
    }
    any(&ways)
}

fn tcp_v4(interest: &Interest, link: usize) -> Option<String> {
    let mut conditions = vec!["ip[9] = 6".to_owned()];
    conditions.extend(peers(interest, IpAddr::is_ipv4)?);
    if !interest.ports.is_empty() {
        let mut ways = vec![
            "ip[6:2] & 0x3fff != 0".to_owned(),
            "ip[0] & 0x0f < 5".to_owned(),
            format!("len < ((ip[0] & 0x0f) << 2) + {}", link + 4),
        ];
        ways.extend(ports(interest, "tcp[2:2]"));
        conditions.push(any(&ways));
    }
    Some(all(&conditions))
}

fn tcp_v6(interest: &Interest, link: usize) -> Option<String> {
    let mut conditions = vec!["ip6[6] = 6".to_owned()];
    conditions.extend(peers(interest, IpAddr::is_ipv6)?);
    if !interest.ports.is_empty() {
        let mut ways = vec![format!("len < {}", link + 40 + 4)];
        ways.extend(ports(interest, "ip6[42:2]"));
        conditions.push(any(&ways));
    }
    Some(all(&conditions))
}

/// Lets ICMP errors through, whoever sent them.
fn icmp_v4() -> String {
    let kinds = [3, 4, 5, 11, 12].map(|kind| format!("icmp[0] = {kind}"));
    let mut ways = vec!["ip[6:2] & 0x1fff != 0".to_owned(), "ip[0] & 0x0f < 5".to_owned()];
    ways.extend(kinds);
    all(&["ip[9] = 1".to_owned(), any(&ways)])
}

/// Lets ICMPv6 errors through, and whatever is behind extension headers.
fn other_v6() -> String {
    let errors = all(&["ip6[6] = 58".to_owned(), "ip6[40] < 128".to_owned()]);
    let strange = all(&[6, 17, 58].map(|protocol| format!("ip6[6] != {protocol}")));
    any(&[errors, strange])
}

/// Words the condition to come from a peer of one family: `Some(None)` if any will do, `None` if
/// none can.
fn peers(interest: &Interest, family: fn(&IpAddr) -> bool) -> Option<Option<String>> {
    if interest.peers.is_empty() {
        return Some(None);
    }
    let word = |peer: &IpAddr| match peer {
        IpAddr::V4(peer) => format!("ip src host {peer}"),
        IpAddr::V6(peer) => format!("ip6 src host {peer}"),
    };
    let peers: Vec<_> = interest.peers.iter().filter(|peer| family(peer)).map(word).collect();
    (!peers.is_empty()).then(|| Some(any(&peers)))
}

fn ports(interest: &Interest, field: &'static str) -> impl Iterator<Item = String> {
    interest.ports.iter().map(move |range| {
        let (first, last) = (range.start(), range.end());
        all(&[format!("{field} >= {first}"), format!("{field} <= {last}")])
    })
}

fn any(ways: &[String]) -> String {
    format!("({})", ways.join(" or "))
}

fn all(conditions: &[String]) -> String {
    format!("({})", conditions.join(" and "))
}

/// Tells the bytes before the IP header, which `len` counts.
const fn header(start: Start) -> usize {
    match start {
        Start::Ethernet => 14,
        Start::LinuxSll => 16,
        Start::LinuxSll2 => 20,
        Start::Null | Start::Loop | Start::Ppp => 4,
        Start::Ip => 0,
    }
}
