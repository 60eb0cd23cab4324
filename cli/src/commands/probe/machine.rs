//! The machine that a run is made on, as its account describes it.

use std::fs;

use serde_json::{Value, json};

/// Tells the kernel's release; null where it does not say.
pub(super) fn kernel() -> Value {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease");
    release.map_or(Value::Null, |text| format!("Linux {}", text.trim()).into())
}

/// Tells how many packets the kernel's backlog had no room for since the machine was started, on
/// all interfaces: the second column of /proc/net/softnet_stat, a line a processor.
pub(super) fn backlog() -> Option<u64> {
    fs::read_to_string("/proc/net/softnet_stat").ok().map(|text| dropped(&text))
}

fn dropped(backlog: &str) -> u64 {
    let column = |line: &str| u64::from_str_radix(line.split_whitespace().nth(1)?, 16).ok();
    backlog.lines().filter_map(column).sum()
}

/// Tells the offloads of an interface.
#[cfg(target_os = "linux")]
pub(super) fn offloads(interface: &str) -> Value {
    use tcpexposure_linux::doctor::Offloads;
    Offloads::of(interface).map_or(Value::Null, |offloads| {
        json!({
            "receive_checksum": offloads.receive_checksum,
            "send_checksum": offloads.send_checksum,
            "scatter_gather": offloads.scatter_gather,
            "tcp_segmentation": offloads.tcp_segmentation,
            "segmentation": offloads.segmentation,
            "receive_merge": offloads.receive_merge,
        })
    })
}

/// Tells that nothing is known.
#[cfg(not(target_os = "linux"))]
pub(super) fn offloads(_: &str) -> Value {
    json!(null)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_backlog_of_all_processors() {
        assert_eq!(dropped("00000010 0000000a 00000000\n00000010 00000001 00000000\n"), 11);
        assert_eq!(dropped(""), 0);
    }
}
