//! Questions to the kernel's routing: rtnetlink(7), one request at a time.

use std::{
    io,
    os::fd::{AsFd, OwnedFd},
    time::Duration,
};

use netlink_packet_core::{
    NLM_F_DUMP, NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload,
};
use netlink_packet_route::RouteNetlinkMessage;

use crate::{address::Address, sys};

/// A connection to the kernel's routing tables; it needs no privilege.
pub(crate) struct Socket {
    fd: OwnedFd,
    sequence: u32,
    buffer: Vec<u8>,
}

/// One step of an answer.
#[derive(Debug)]
pub(crate) enum Reply {
    /// A part of the answer, or a notice.
    Message(RouteNetlinkMessage),
    /// The answer is complete.
    End,
}

impl Socket {
    /// Opens a connection that also hears the multicast `groups` (a mask of RTMGRP_…).
    pub(crate) fn open(groups: u32) -> io::Result<Self> {
        let fd = sys::socket(libc::AF_NETLINK, libc::SOCK_RAW, libc::NETLINK_ROUTE)?;
        sys::bind(fd.as_fd(), &Address::netlink(groups))?;
        Ok(Self { fd, sequence: 0, buffer: vec![0; BUFFER] })
    }

    /// Asks for one thing.
    pub(crate) fn get(&mut self, what: RouteNetlinkMessage) -> io::Result<RouteNetlinkMessage> {
        let mut found = None;
        self.ask(what, NLM_F_REQUEST, |message| found = Some(message))?;
        found.ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    /// Asks for all things of a kind.
    pub(crate) fn list(
        &mut self,
        what: RouteNetlinkMessage,
    ) -> io::Result<Vec<RouteNetlinkMessage>> {
        let mut found = Vec::new();
        self.ask(what, NLM_F_REQUEST | NLM_F_DUMP, |message| found.push(message))?;
        Ok(found)
    }

    /// Waits for a notice of any kind; `false` when there is none within `timeout`.
    pub(crate) fn notice(&mut self, timeout: Duration) -> io::Result<bool> {
        if !sys::wait(self.fd.as_fd(), Some(timeout))? {
            return Ok(false);
        }
        match sys::receive(self.fd.as_fd(), &mut self.buffer) {
            // Notices were lost: something has happened all the same.
            Err(error) if error.raw_os_error() == Some(libc::ENOBUFS) => Ok(true),
            result => result.map(|_| true),
        }
    }

    fn ask(
        &mut self,
        what: RouteNetlinkMessage,
        flags: u16,
        mut take: impl FnMut(RouteNetlinkMessage),
    ) -> io::Result<()> {
        self.sequence += 1;
        sys::send(self.fd.as_fd(), &request(what, flags, self.sequence))?;
        loop {
            if !sys::wait(self.fd.as_fd(), Some(PATIENCE))? {
                return Err(io::ErrorKind::TimedOut.into());
            }
            let length = sys::receive(self.fd.as_fd(), &mut self.buffer)?;
            let dump = flags & NLM_F_DUMP != 0;
            for reply in read(&self.buffer[..length.min(self.buffer.len())], self.sequence) {
                match reply? {
                    Reply::Message(message) => take(message),
                    Reply::End => return Ok(()),
                }
                if !dump {
                    return Ok(());
                }
            }
        }
    }
}

/// Writes a request.
fn request(what: RouteNetlinkMessage, flags: u16, sequence: u32) -> Vec<u8> {
    let mut header = NetlinkHeader::default();
    header.flags = flags;
    header.sequence_number = sequence;
    let mut message = NetlinkMessage::new(header, NetlinkPayload::from(what));
    message.finalize();
    let mut bytes = vec![0; message.buffer_len()];
    message.serialize(&mut bytes);
    bytes
}

/// Reads the parts of one datagram that answer request `sequence`.
///
/// A part of a dump that the library cannot read is passed over: an interface of a kind it does
/// not know must not hide the others.
pub(crate) fn read(datagram: &[u8], sequence: u32) -> Vec<io::Result<Reply>> {
    let mut replies = Vec::new();
    let mut rest = datagram;
    while let Some((part, more)) = split(rest) {
        rest = more;
        if part.get(8..12) == Some(&sequence.to_ne_bytes()) {
            replies.extend(reply(part));
        }
    }
    replies
}

fn reply(part: &[u8]) -> Option<io::Result<Reply>> {
    let message = NetlinkMessage::<RouteNetlinkMessage>::deserialize(part);
    let message = match message {
        Ok(message) => message,
        Err(_) if part.get(6).is_some_and(|flags| flags & MULTIPART != 0) => return None,
        Err(error) => {
            return Some(Err(io::Error::new(io::ErrorKind::InvalidData, error.to_string())));
        }
    };
    match message.payload {
        NetlinkPayload::InnerMessage(message) => Some(Ok(Reply::Message(message))),
        NetlinkPayload::Error(error) => Some(match error.code {
            Some(code) => Err(io::Error::from_raw_os_error(-code.get())),
            None => Ok(Reply::End),
        }),
        NetlinkPayload::Done(_) => Some(Ok(Reply::End)),
        _ => None,
    }
}

/// Splits off the first message, whose length is in its first four bytes.
fn split(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let length = u32::from_ne_bytes(*bytes.first_chunk()?) as usize;
    let part = bytes.get(..length.max(HEADER))?;
    Some((part, bytes.get(part.len().next_multiple_of(4)..).unwrap_or_default()))
}

/// How long the kernel may think.
const PATIENCE: Duration = Duration::from_secs(2);
/// More than the kernel puts into one datagram of a dump.
const BUFFER: usize = 1 << 16;
/// The bytes of a netlink header.
const HEADER: usize = 16;
/// NLM_F_MULTI: a part of a dump.
const MULTIPART: u8 = 2;

#[cfg(test)]
mod tests {
    use super::*;

    fn error(code: i32, sequence: u32) -> Vec<u8> {
        let mut bytes = Vec::new();
        bytes.extend(36u32.to_ne_bytes());
        bytes.extend(2u16.to_ne_bytes());
        bytes.extend(0u16.to_ne_bytes());
        bytes.extend(sequence.to_ne_bytes());
        bytes.extend([0; 4]);
        bytes.extend(code.to_ne_bytes());
        bytes.extend([0; 16]);
        bytes
    }

    #[test]
    fn an_error_is_the_systems() {
        let replies = read(&error(-libc::ENETUNREACH, 5), 5);
        let error = replies.into_iter().next().unwrap().unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::ENETUNREACH));
    }

    #[test]
    fn an_acknowledgement_ends() {
        assert!(matches!(read(&error(0, 5), 5)[..], [Ok(Reply::End)]));
    }

    #[test]
    fn answers_to_others_are_passed_over() {
        assert!(read(&error(0, 5), 6).is_empty());
    }

    #[test]
    fn cut_short_or_absurd_lengths_end_the_walk() {
        let whole = error(0, 5);
        for length in 0..whole.len() {
            assert!(read(&whole[..length], 5).is_empty(), "{length}");
        }
        assert!(read(&[0; 64], 5).is_empty());
    }
}
