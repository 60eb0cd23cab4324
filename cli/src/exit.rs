//! How a run ends: an exit status, and for failures one sentence and a hint.

use std::{fmt, io, net::IpAddr, process::ExitCode};

use clap::error::{ContextKind, ContextValue, ErrorKind};
use tcpexposure_link::Cause;

/// The exit statuses that scripts rely on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Done, and nothing to report.
    Done = 0,
    /// Done, and the path interfered.
    Interfered = 1,
    /// Usage or bad input.
    Usage = 2,
    /// No privilege.
    Privilege = 3,
    /// No answer from the target.
    NoAnswer = 4,
    /// Only a part was done.
    Partial = 5,
}

/// Why a run failed.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    exit: Exit,
    message: String,
    hint: Option<String>,
}

impl Failure {
    /// Makes a failure from one sentence without a full stop.
    pub(crate) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into(), hint: None }
    }

    /// Takes a report on an expression, which has several lines and perhaps its own hint.
    pub(crate) fn rendered(exit: Exit, report: &str) -> Self {
        let hint = (!report.contains("\nhint: ")).then(|| NOTATION.to_owned());
        Self { exit, message: report.trim_end().to_owned(), hint }
    }

    /// Adds what the user can do about it.
    pub(crate) fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// Names what it is about, where there are several.
    pub(crate) fn about(self, name: impl fmt::Display) -> Self {
        Self { message: format!("{name}: {}", self.message), ..self }
    }

    /// Gives the sentence, and what the user can do about it.
    pub(crate) fn into_parts(self) -> (String, Option<String>) {
        (self.message, self.hint)
    }

    /// Tells the sentence.
    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// Takes it for one in the middle of things: a part was done.
    pub(crate) fn midway(self) -> Self {
        let exit = if self.exit == Exit::Done { Exit::Done } else { Exit::Partial };
        Self { exit, ..self }
    }

    /// Tells how the process is to end.
    pub(crate) const fn exit(&self) -> Exit {
        self.exit
    }

    /// Tells whether it is only that nobody reads our output any more.
    fn is_broken_pipe(&self) -> bool {
        self.message == BROKEN_PIPE
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "tcpexposure: {}", self.message)?;
        match &self.hint {
            Some(hint) => write!(out, "\nhint: {hint}"),
            None => Ok(()),
        }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self::new(Exit::Done, BROKEN_PIPE);
        }
        Self::new(Exit::Usage, format!("cannot write the output: {error}"))
            .hint("see whether the disk is full and the file may be written")
    }
}

impl From<tcpexposure_link::Error> for Failure {
    fn from(error: tcpexposure_link::Error) -> Self {
        let exit =
            if matches!(error.cause, Cause::Privilege) { Exit::Privilege } else { Exit::Usage };
        Self::new(exit, error.to_string()).hint(hint(&error.cause))
    }
}

/// Tells what to do about the failure of a link.
fn hint(cause: &Cause) -> String {
    match cause {
        Cause::Privilege => setcap(),
        Cause::NoInterface(_) => "`tcpexposure doctor` lists the interfaces".to_owned(),
        Cause::NoRoute(address) if LINUX => format!("see `ip route get {address}`"),
        Cause::NoRoute(address) => format!("see `route -n get {address}`"),
        Cause::NoNeighbour(address) => {
            let command = match address {
                _ if LINUX => format!("ip neigh show {address}"),
                IpAddr::V4(_) => format!("arp -n {address}"),
                IpAddr::V6(_) => format!("ndp -n {address}"),
            };
            format!("see `{command}`, or give its hardware address with -G")
        }
        Cause::TooLarge { .. } => "send less at once: segments are not cut up".to_owned(),
        Cause::Down(name) if LINUX => format!("see `ip link show {name}`"),
        Cause::Down(name) => format!("see `ifconfig {name}`"),
        Cause::Unsupported(_) | Cause::System(_) => {
            "`tcpexposure doctor` tells what works here".to_owned()
        }
    }
}

/// Tells the line that gives this program its privileges.
pub(crate) fn setcap() -> String {
    let program = std::env::current_exe()
        .map_or_else(|_| "tcpexposure".to_owned(), |path| path.display().to_string());
    if !LINUX {
        return format!("sudo {program}, or let your group read and write /dev/bpf*");
    }
    format!("sudo setcap cap_net_raw,cap_net_admin=ep {program}")
}

/// Tells the line that also lets this program listen on ports below 1024.
pub(crate) fn setcap_ports() -> String {
    setcap().replace("cap_net_raw", "cap_net_raw,cap_net_bind_service")
}

/// Ends the process: silently when the reader of our output has gone, else with the failure on
/// stderr.
pub(crate) fn report(result: Result<Exit, Failure>) -> ExitCode {
    match result {
        Ok(exit) => ExitCode::from(exit as u8),
        Err(failure) if failure.is_broken_pipe() => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::from(failure.exit as u8)
        }
    }
}

/// Whether hints are to name Linux's own commands, else those of the BSDs.
const LINUX: bool = cfg!(target_os = "linux");
/// What is said of an expression where nothing better is known.
const NOTATION: &str = "segments are written as tcpdump prints them: S win 64240 <mss 1460,sackOK>";
const BROKEN_PIPE: &str = "nobody reads the output";

/// Ends the process on arguments that cannot be read, or on a call for help.
pub(crate) fn usage(error: &clap::Error) -> ExitCode {
    if error.use_stderr() && error.kind() != ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        return report(Err(Failure::from(error)));
    }
    let _ = error.print();
    if error.use_stderr() { ExitCode::from(Exit::Usage as u8) } else { ExitCode::SUCCESS }
}

impl From<&clap::Error> for Failure {
    /// Makes one sentence of what is said in a paragraph, and a hint of the rest.
    fn from(error: &clap::Error) -> Self {
        let text = error.to_string();
        let paragraph = text.lines().map(str::trim).take_while(|line| !line.is_empty());
        let lines: Vec<_> = paragraph.filter(|line| !line.starts_with('[')).collect();
        let sentence = lines.join(" ");
        let sentence = sentence.strip_prefix("error: ").unwrap_or(&sentence);
        Self::new(Exit::Usage, sentence).hint(advice(error))
    }
}

/// Tells what was probably meant, what is possible, or how it is used.
fn advice(error: &clap::Error) -> String {
    let meant =
        [ContextKind::SuggestedSubcommand, ContextKind::SuggestedArg, ContextKind::SuggestedValue];
    if let Some(meant) = meant.into_iter().find_map(|kind| first(error.get(kind)?)) {
        return format!("did you mean `{meant}`?");
    }
    match (error.get(ContextKind::ValidValue), error.get(ContextKind::Usage)) {
        (Some(ContextValue::Strings(values)), _) if !values.is_empty() => {
            format!("it can be {}", values.join(", "))
        }
        (_, Some(usage)) => {
            let usage = usage.to_string();
            format!("write {}", usage.trim_start_matches("Usage: ").trim())
        }
        _ => "the same line with --help tells what it takes".to_owned(),
    }
}

fn first(value: &ContextValue) -> Option<String> {
    match value {
        ContextValue::String(text) => Some(text.clone()),
        ContextValue::Strings(texts) => texts.first().cloned(),
        _ => None,
    }
}
