//! What a payload can ask for (section 4.5 of the specification): its first byte, after the HTTP
//! header if it has one.
//!
//! ```
//! use tcpexposure_core::respond::command::Command;
//! assert_eq!(Command::of_byte(Command::REPORT), Command::Report);
//! assert!(Command::Report.wants_report());
//! assert!(!Command::of_byte(b'x').wants_report());
//! ```

use super::http;

/// A command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Command {
    /// None: an ordinary answer.
    None,
    /// Tell the headers received and sent, in HTTP if the request was.
    Report,
    /// Tell them with a timestamp echo that is one too small.
    ReportWrongEcho,
    /// Tell them in HTTP in any case: for a later part of an HTTP request that arrives first.
    ReportHttp,
    /// Acknowledge nothing of this segment: answer with its own sequence number.
    Duplicate,
    /// Acknowledge the data in this SYN. Nothing special in other segments.
    Acknowledge,
    /// Acknowledge the data in this SYN and tell the headers. Only the latter in other segments.
    AcknowledgeReport,
    /// An HTTP client asks for the page.
    Page,
}

impl Command {
    /// The byte of [`Command::Report`].
    pub const REPORT: u8 = 0xa1;
    /// The byte of [`Command::ReportWrongEcho`].
    pub const REPORT_WRONG_ECHO: u8 = 0xa2;
    /// The byte of [`Command::ReportHttp`].
    pub const REPORT_HTTP: u8 = 0xa3;
    /// The byte of [`Command::Duplicate`].
    pub const DUPLICATE: u8 = 0xb2;
    /// The byte of [`Command::Acknowledge`].
    pub const ACK: u8 = 0xc1;
    /// The byte of [`Command::AcknowledgeReport`].
    pub const ACK_REPORT: u8 = 0xc2;

    /// Reads the command of a payload, given without its HTTP header too.
    #[must_use]
    pub(super) fn of(payload: &[u8], body: &[u8]) -> Self {
        if payload.starts_with(http::PAGE) {
            return Self::Page;
        }
        body.first().map_or(Self::None, |byte| Self::of_byte(*byte))
    }

    /// Reads a command byte.
    #[must_use]
    pub const fn of_byte(byte: u8) -> Self {
        match byte {
            Self::REPORT => Self::Report,
            Self::REPORT_WRONG_ECHO => Self::ReportWrongEcho,
            Self::REPORT_HTTP => Self::ReportHttp,
            Self::DUPLICATE => Self::Duplicate,
            Self::ACK => Self::Acknowledge,
            Self::ACK_REPORT => Self::AcknowledgeReport,
            _ => Self::None,
        }
    }

    /// Tells whether it asks for a report.
    #[must_use]
    pub const fn wants_report(self) -> bool {
        matches!(
            self,
            Self::Report | Self::ReportWrongEcho | Self::ReportHttp | Self::AcknowledgeReport
        )
    }
}
