//! The account of a run as a file.

use std::{env, fs, path::Path};

use serde_json::{Map, Value, json};
use tcpexposure_core::time::Instant;

use super::{Probe, machine, outputs, plan::Plan};
use crate::exit::{Exit, Failure};

/// Tells all that is known without having sent anything.
pub(super) fn of(
    probe: &Probe,
    plan: &Plan,
    span: Option<(Instant, Instant)>,
) -> Map<String, Value> {
    let arguments: Vec<_> =
        env::args_os().map(|argument| argument.to_string_lossy().into_owned()).collect();
    let (begun, ended) = span.map(|(begun, ended)| (begun.as_nanos(), ended.as_nanos())).unzip();
    let object = json!({
        "type": "metadata",
        "program": concat!("tcpexposure ", env!("CARGO_PKG_VERSION")),
        "arguments": arguments,
        "begun": begun,
        "ended": ended,
        "seed": plan.seed,
        "shard": plan.shard.index(),
        "shards": plan.shard.count(),
        "configuration": plan.configuration,
        "resumed_behind": plan.start.map(|start| start.position),
        "addresses": plan.addresses,
        "targets": plan.size,
        "targets_of_shard": plan.steps(),
        "probes": probe.sending.expressions,
        "rate": plan.rate,
        "rate_unit": if plan.bits { "bit/s" } else { "packet/s" },
        "backend": probe.sending.backend.to_string(),
        "kernel": machine::kernel(),
    });
    match object {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

/// Writes a file.
pub(super) fn write(path: &Path, all: Map<String, Value>) -> Result<(), Failure> {
    let text = format!("{:#}\n", Value::Object(all));
    fs::write(path, text)
        .map_err(|error| outputs::unwritable(Exit::Partial, &path.display().to_string(), &error))
}
