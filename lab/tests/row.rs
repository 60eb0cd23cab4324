//! The lab itself: a row of hosts reaches from end to end.

use tcpexposure_lab::{Family, Lab};

#[test]
fn the_ends_of_a_row_reach_each_other() {
    let Some(lab) = Lab::row(4, &["tcpdump", "ping"]) else {
        return;
    };
    let mut capture = lab.last().capture("left", "icmp or icmp6");
    for family in Family::BOTH {
        let target = lab.last_address(family).to_string();
        let output = lab.first().run("ping", &["-c", "1", "-W", "5", &target]);
        assert!(output.status.success(), "{target}: {output:?}");
    }
    let lines = capture.print(&["-nn", "-t"]);
    assert!(lines.iter().any(|line| line.contains("10.77.0.1 > 10.77.2.2: ICMP echo request")));
    assert!(lines.iter().any(|line| line.contains("fd77::1 > fd77:2::2: ICMP6, echo request")));
}
