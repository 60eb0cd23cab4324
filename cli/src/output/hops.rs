//! The hops of a trace, in words and as JSON.

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
};

use serde_json::{Value, json};
use tcpexposure_core::{
    trace::{End, Field, Hop, Place, Reply},
    wire::icmp::{Content, Extension, Label, Objects},
};

use super::{
    Output,
    json::{hex, letters},
};
use crate::exit::Failure;

/// Who quoted the packets of each time to live, and of which flows: the ways that packets take.
#[derive(Debug, Default)]
pub(crate) struct Ways {
    hops: BTreeMap<u8, BTreeMap<IpAddr, Vec<u8>>>,
    flows: u8,
}

impl Ways {
    /// Adds a flow.
    pub(crate) fn add(&mut self, hops: &[Hop]) {
        self.flows = self.flows.saturating_add(1);
        for hop in hops {
            if let Reply::Quote { from, .. } = hop.reply {
                self.hops.entry(hop.ttl).or_default().entry(from).or_default().push(self.flows);
            }
        }
    }

    /// Says at which hops the flows take different ways.
    pub(crate) fn show(&self, output: &mut Output) -> Result<(), Failure> {
        let mut parted = false;
        for (ttl, routers) in self.hops.iter().filter(|(_, routers)| routers.len() > 1) {
            parted = true;
            if output.json {
                let one = |(address, flows): (&IpAddr, &Vec<u8>)| json!({"address": address.to_string(), "flows": flows});
                let routers: Vec<_> = routers.iter().map(one).collect();
                output.object(&json!({"type": "balance", "ttl": ttl, "routers": routers}))?;
            } else {
                let one = |(address, flows): (&IpAddr, &Vec<u8>)| {
                    let flows: Vec<_> = flows.iter().map(u8::to_string).collect();
                    format!("{address} (flow {})", flows.join(", "))
                };
                let routers: Vec<_> = routers.iter().map(one).collect();
                output.line(&format!("hop {ttl} differs by flow: {}", routers.join(", ")))?;
            }
        }
        if self.flows > 1 && !parted && !output.json {
            output.line("all flows take the same way, as far as hops answer")?;
        }
        Ok(())
    }
}

/// Makes the line of a hop.
pub(crate) fn line(hop: &Hop, target: SocketAddr) -> String {
    let ttl = hop.ttl;
    let mut line = match hop.reply {
        Reply::Silence => format!("{ttl:>3}  *"),
        Reply::Target { flags, .. } => {
            let letters = letters(flags);
            format!("{ttl:>3}  {:<39} answers {letters}", target.ip().to_string())
        }
        Reply::Refused { from, kind, code } => {
            format!("{ttl:>3}  {:<39} refuses: ICMP type {kind} code {code}", from.to_string())
        }
        Reply::Quote { from, length, known, changed } => {
            let what = if changed.is_empty() {
                "as sent".to_owned()
            } else {
                format!("changed: {changed}")
            };
            let unknown = if known.contains(Field::Options) { "" } else { "; options unknown" };
            format!("{ttl:>3}  {:<39} quotes {length} bytes, {what}{unknown}", from.to_string())
        }
    };
    line.extend(hop.objects.iter().map(|object| format!("; {object}")));
    line
}

/// Makes the object of a hop of a flow, counted from nought.
pub(crate) fn object(hop: &Hop, flow: u8, target: SocketAddr) -> Value {
    let mut object = json!({
        "type": "hop", "target": target.ip().to_string(), "port": target.port(),
        "flow": flow.saturating_add(1), "ttl": hop.ttl, "tries": hop.tries,
    });
    let more = match hop.reply {
        Reply::Silence => json!({"reply": "silence"}),
        Reply::Target { flags, hops } => {
            json!({"reply": "target", "flags": letters(flags), "hops": hops})
        }
        Reply::Refused { from, kind, code } => json!({
            "reply": "refused", "address": from.to_string(), "icmp_type": kind, "icmp_code": code,
        }),
        Reply::Quote { from, length, known, changed } => json!({
            "reply": "quote", "address": from.to_string(), "icmp_quoted_len": length,
            "known": known.iter().map(Field::word).collect::<Vec<_>>(),
            "changed": changed.iter().map(Field::word).collect::<Vec<_>>(),
        }),
    };
    if let (Some(object), Value::Object(more)) = (object.as_object_mut(), more) {
        object.extend(more);
        if hop.objects != Objects::NONE {
            let all = hop.objects.iter().map(|object| extension(&object));
            object.insert("extensions".to_owned(), all.collect());
        }
    }
    object
}

/// Makes the object of what an error tells besides its quote.
fn extension(object: &Extension<'_>) -> Value {
    let mut value = json!({"class": object.class, "kind": object.kind, "text": object.to_string()});
    match object.content() {
        Content::Labels(labels) => {
            let label = |bytes: &[u8; 4]| {
                let label = Label::read(*bytes);
                json!({"label": label.label, "tc": label.class, "s": label.bottom, "ttl": label.ttl})
            };
            value["labels"] = labels.iter().map(label).collect();
        }
        Content::Interface(interface) | Content::Asked(interface) => {
            value["interface"] = json!({
                "role": interface.role, "index": interface.index,
                "address": interface.address.map(|address| address.to_string()),
                "name": interface.name.map(|name| name.escape_ascii().to_string()),
                "mtu": interface.mtu,
            });
        }
        Content::Other => value["data"] = hex(object.data).into(),
    }
    value
}

/// Makes the object of a place.
pub(crate) fn place_object(place: &Place) -> Value {
    let end = |end: &End| json!({"ttl": end.ttl, "address": end.address.map(|a| a.to_string())});
    match place {
        Place::Between(from, to) => json!({"after": from.as_ref().map(end), "before": end(to)}),
        Place::Behind(from) => json!({"after": from.as_ref().map(end), "before": null}),
        Place::Unknown(_) => Value::Null,
    }
}
