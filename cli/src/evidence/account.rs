//! The account of a run: what it takes, beside the packets, to judge it again. It is JSON, in comments
//! of the capture's section, because a comment has no room for more than 65,535 bytes.

use std::{env, fs, net::IpAddr, time::Duration};

use serde_json::{Value, json};
use tcpexposure_core::experiment::{
    Config, Dialect, ENTRIES, Host, Peer, Ports, Selection,
    modern::{Choice, ModernConfig, ROWS, by_name},
};
use tcpexposure_link::Statistics;

/// Which suite was run, and how.
#[derive(Debug)]
pub(crate) enum Run {
    /// The 43 questions.
    Suite(Box<Config>),
    /// Today's.
    Modern(ModernConfig),
}

/// Begins the account of a run.
pub(crate) fn begin(run: &Run, name: &str, parallel: usize, path: &str, took: Duration) -> Value {
    let arguments: Vec<_> =
        env::args_os().map(|argument| argument.to_string_lossy().into_owned()).collect();
    json!({
        "account": FORM,
        "version": env!("CARGO_PKG_VERSION"),
        "arguments": arguments,
        "kernel": system(),
        "path": path,
        "name": name,
        "parallel": parallel,
        "took": u64::try_from(took.as_nanos()).unwrap_or(u64::MAX),
        "run": match run {
            Run::Suite(config) => of_suite(config),
            Run::Modern(config) => of_modern(config),
        },
    })
}

/// Splits an account into comments, behind one that tells a reader what they are.
pub(super) fn write(account: &Value) -> Vec<String> {
    let text = account.to_string();
    let mut comments = vec![format!(
        "The evidence of a test by tcpexposure {}: `tcpexposure judge FILE` comes to its verdicts again.",
        env!("CARGO_PKG_VERSION")
    )];
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let end = (0..=MOST.min(rest.len())).rfind(|at| rest.is_char_boundary(*at));
        let (piece, behind) = rest.split_at(end.unwrap_or(rest.len()));
        comments.push(format!("{MARK}{piece}"));
        rest = behind;
    }
    comments
}

/// Joins the comments of a section to the account that they hold.
pub(crate) fn read(comments: &[String]) -> Option<Value> {
    let text: String = comments.iter().filter_map(|comment| comment.strip_prefix(MARK)).collect();
    let account: Value = serde_json::from_str(&text).ok()?;
    (account["account"] == FORM).then_some(account)
}

/// Reads which suite was run.
pub(crate) fn run(account: &Value) -> Option<Run> {
    let run = &account["run"];
    match run["suite"].as_str()? {
        "modern" => modern(run).map(Run::Modern),
        _ => suite(run).map(|config| Run::Suite(Box::new(config))),
    }
}

/// Tells what the link counted.
pub(super) fn statistics(statistics: &Statistics) -> Value {
    json!({
        "committed": statistics.committed, "sent": statistics.sent, "refused": statistics.refused,
        "left": statistics.left, "received": statistics.received, "dropped": statistics.dropped,
        "missed": statistics.missed,
    })
}

/// Names the system.
pub(super) fn system() -> String {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!("{} {}", env::consts::OS, release.trim()).trim_end().to_owned()
}

fn of_suite(config: &Config) -> Value {
    let entries = ENTRIES.iter().filter(|row| config.entries.contains(row.entry));
    json!({
        "suite": DIALECTS.iter().find(|(_, one)| *one == config.dialect).map(|(word, _)| word),
        "target": config.target.to_string(), "port": config.port,
        "source": config.source.to_string(), "ports": [config.ports.first, config.ports.count],
        "http": config.http.as_deref(), "only": entries.map(|row| row.name).collect::<Vec<_>>(),
        "peer": peer(config.peer), "seed": config.seed,
    })
}

fn suite(run: &Value) -> Option<Config> {
    let words: Vec<_> = run["only"].as_array()?.iter().filter_map(Value::as_str).collect();
    let wanted = ENTRIES.iter().filter(|row| words.contains(&row.name));
    Some(Config {
        target: address(&run["target"])?,
        port: short(&run["port"])?,
        source: address(&run["source"])?,
        ports: ports(&run["ports"])?,
        dialect: DIALECTS.iter().find(|(word, _)| run["suite"] == **word)?.1,
        http: match run["http"].as_str() {
            Some(host) => Some(Host::try_from(host).ok()?),
            None => None,
        },
        entries: wanted.fold(Selection::NONE, |all, row| all.with(row.entry)),
        peer: known(&run["peer"])?,
        seed: run["seed"].as_u64()?,
    })
}

fn of_modern(config: &ModernConfig) -> Value {
    let rows = ROWS.iter().filter(|row| config.rows.contains(row));
    json!({
        "suite": "modern", "target": config.target.to_string(), "port": config.port,
        "source": config.source.to_string(), "ports": [config.ports.first, config.ports.count],
        "http": config.http, "only": rows.map(|row| row.name).collect::<Vec<_>>(),
        "peer": peer(config.peer), "seed": config.seed,
        "idle": u64::try_from(config.idle.as_nanos()).unwrap_or(u64::MAX),
    })
}

fn modern(run: &Value) -> Option<ModernConfig> {
    let words = run["only"].as_array()?.iter();
    let rows = words.map(|word| by_name(word.as_str()?)).collect::<Option<Vec<_>>>()?;
    Some(ModernConfig {
        target: address(&run["target"])?,
        port: short(&run["port"])?,
        source: address(&run["source"])?,
        ports: ports(&run["ports"])?,
        rows: rows.into_iter().fold(Choice::NONE, Choice::with),
        peer: known(&run["peer"])?,
        http: run["http"].as_bool()?,
        idle: Duration::from_nanos(run["idle"].as_u64()?),
        seed: run["seed"].as_u64()?,
    })
}

fn address(value: &Value) -> Option<IpAddr> {
    value.as_str()?.parse().ok()
}

fn short(value: &Value) -> Option<u16> {
    value.as_u64()?.try_into().ok()
}

fn ports(value: &Value) -> Option<Ports> {
    Some(Ports { first: short(&value[0])?, count: short(&value[1])? })
}

const fn peer(peer: Peer) -> &'static str {
    match peer {
        Peer::Server => "server",
        Peer::Unknown => "unknown",
        // No run begins with one that is known to be foreign.
        Peer::Responder | Peer::Foreign(_) => "responder",
    }
}

fn known(value: &Value) -> Option<Peer> {
    match value.as_str()? {
        "server" => Some(Peer::Server),
        "unknown" => Some(Peer::Unknown),
        "responder" => Some(Peer::Responder),
        _ => None,
    }
}

const DIALECTS: [(&str, Dialect); 3] = [
    ("classic", Dialect::Classic { faithful: false }),
    ("faithful", Dialect::Classic { faithful: true }),
    ("today", Dialect::Modern43),
];
/// The form of accounts that is written and read.
const FORM: u64 = 1;
/// What the comments of an account begin with.
const MARK: &str = "account: ";
/// How many bytes of it a comment holds.
const MOST: usize = 60_000;
