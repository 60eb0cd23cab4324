//! A BPF device as bpf(4) tells of it, without a kernel: two buffers, a filter, an interface that
//! may go.

use std::{cell::RefCell, collections::VecDeque, io, rc::Rc, time::Duration};

use tcpexposure_bpf::{
    device::Device,
    request::Request,
    system::{System, shared},
};
use tcpexposure_link::filter::{Instruction, run};

/// The interface that there is.
pub(crate) const INTERFACE: &str = "em0";
pub(crate) const ENXIO: i32 = 6;
const EINVAL: i32 = 22;
const EMSGSIZE: i32 = 40;
pub(crate) const ENETDOWN: i32 = 50;
pub(crate) const ENOBUFS: i32 = 55;

/// A device that its maker keeps a hand on.
#[derive(Clone)]
pub(crate) struct Model(pub(crate) Rc<RefCell<State>>);

pub(crate) struct State {
    pub(crate) system: &'static System,
    /// DLT_….
    pub(crate) link_type: u32,
    /// The most that the system gives as a buffer.
    pub(crate) limit: u32,
    /// What attaching fails with while the buffer is larger than this.
    pub(crate) most_memory: u32,
    /// Whether the system knows how to hear only what comes in.
    pub(crate) tells_direction: bool,
    /// Whether the system knows of nanoseconds.
    pub(crate) tells_nanoseconds: bool,
    /// What the next calls of read or write fail with.
    pub(crate) read_errors: VecDeque<io::Error>,
    pub(crate) write_errors: VecDeque<io::Error>,
    /// What the next waits fail with.
    pub(crate) wait_errors: VecDeque<io::Error>,
    /// How many bytes the next write takes, if not all.
    pub(crate) takes: Option<usize>,
    pub(crate) gone: bool,
    pub(crate) now: u64,
    pub(crate) written: Vec<Vec<u8>>,
    pub(crate) waits: u32,
    buffer: u32,
    attached: bool,
    complete: bool,
    immediate: bool,
    inward: bool,
    nanoseconds: bool,
    program: Option<Vec<Instruction>>,
    /// The records that wait, each padded.
    held: VecDeque<Vec<u8>>,
    dropped: u64,
}

impl Model {
    pub(crate) fn new(system: &'static System, link_type: u32) -> Self {
        Self(Rc::new(RefCell::new(State {
            system,
            link_type,
            limit: 1 << 16,
            most_memory: u32::MAX,
            tells_direction: true,
            tells_nanoseconds: true,
            read_errors: VecDeque::new(),
            write_errors: VecDeque::new(),
            wait_errors: VecDeque::new(),
            takes: None,
            gone: false,
            now: 1_000_000_000_000,
            written: Vec::new(),
            waits: 0,
            buffer: 4096,
            attached: false,
            complete: false,
            immediate: false,
            inward: false,
            nanoseconds: false,
            program: None,
            held: VecDeque::new(),
            dropped: 0,
        })))
    }

    /// A frame comes in.
    pub(crate) fn arrives(&self, frame: &[u8]) {
        self.0.borrow_mut().catch(frame);
    }
}

impl State {
    /// Does what the kernel does with a frame that crosses the interface.
    fn catch(&mut self, frame: &[u8]) {
        self.now += 1000;
        let most = self.program.as_ref().map_or(u32::MAX, |program| run(program, frame));
        let kept = frame.len().min(most as usize);
        if kept == 0 {
            return;
        }
        let layout = self.system.record;
        let own = layout.lengths_at() + 10;
        // The header ends where what follows the link-layer header is aligned.
        let link = if self.link_type == 1 { 14 } else { 4 };
        let length = (own + link).next_multiple_of(layout.align) - link;
        let room = self.buffer as usize - length;
        let kept = kept.min(room);
        let size = (length + kept).next_multiple_of(layout.align);
        let held: usize = self.held.iter().map(Vec::len).sum();
        if held + size > 2 * self.buffer as usize {
            self.dropped += 1;
            return;
        }
        let (seconds, rest) = (self.now / 1_000_000_000, self.now % 1_000_000_000);
        let fraction = if self.nanoseconds { rest } else { rest / 1000 };
        let mut record = Vec::new();
        if layout.wide {
            record.extend(seconds.to_ne_bytes());
            record.extend(fraction.to_ne_bytes());
        } else {
            record.extend((seconds as u32).to_ne_bytes());
            record.extend((fraction as u32).to_ne_bytes());
        }
        record.extend((kept as u32).to_ne_bytes());
        record.extend((frame.len() as u32).to_ne_bytes());
        record.extend((length as u16).to_ne_bytes());
        // Padding is whatever was in the buffer before.
        record.resize(length, 0xee);
        record.extend(&frame[..kept]);
        record.resize(size, 0xee);
        self.held.push_back(record);
    }

    fn failure(&mut self, scheduled: fn(&mut Self) -> &mut VecDeque<io::Error>) -> io::Result<()> {
        match scheduled(self).pop_front() {
            Some(said) => Err(said),
            None if self.gone => Err(io::Error::from_raw_os_error(ENXIO)),
            None => Ok(()),
        }
    }
}

impl Device for Model {
    fn control(&mut self, request: Request, argument: &mut [u8]) -> io::Result<()> {
        let mut state = self.0.borrow_mut();
        let invalid = || io::Error::from_raw_os_error(EINVAL);
        assert!(argument.len() >= request.size(), "the kernel would write beyond the argument");
        let value = u32::from_ne_bytes(argument[..4].try_into().unwrap());
        let requests = &state.system.requests;
        let (inward, wanted) = requests.inward;
        let mut tell = |value: u32| argument[..4].copy_from_slice(&value.to_ne_bytes());
        match request {
            shared::SET_BUFFER_LENGTH if state.attached => return Err(invalid()),
            shared::SET_BUFFER_LENGTH => {
                state.buffer = value.clamp(32, state.limit);
                tell(state.buffer);
            }
            shared::BUFFER_LENGTH => tell(state.buffer),
            shared::LINK_TYPE if state.attached => tell(state.link_type),
            shared::IMMEDIATE => state.immediate = value == 1,
            shared::HEADER_COMPLETE => state.complete = value == 1,
            _ if request == requests.attach => {
                let length = argument.iter().position(|byte| *byte == 0).unwrap();
                if state.buffer > state.most_memory {
                    return Err(io::Error::from_raw_os_error(ENOBUFS));
                }
                if &argument[..length] != INTERFACE.as_bytes() {
                    return Err(io::Error::from_raw_os_error(ENXIO));
                }
                state.attached = true;
            }
            _ if request == inward && state.tells_direction => state.inward = value == wanted,
            _ if Some((request, value)) == requests.nanoseconds && state.tells_nanoseconds => {
                state.nanoseconds = true;
            }
            _ if request == requests.statistics.0 => {
                let (width, dropped) = (requests.statistics.1, state.dropped);
                let bytes = dropped.to_le_bytes();
                argument[width..width * 2].copy_from_slice(&bytes[..width]);
            }
            _ => return Err(invalid()),
        }
        Ok(())
    }

    fn set_filter(&mut self, program: &[Instruction]) -> io::Result<()> {
        let mut state = self.0.borrow_mut();
        state.program = Some(program.to_vec());
        state.held.clear();
        Ok(())
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut state = self.0.borrow_mut();
        if buffer.len() != state.buffer as usize || !state.attached {
            return Err(io::Error::from_raw_os_error(EINVAL));
        }
        state.failure(|state| &mut state.read_errors)?;
        let mut length = 0;
        while let Some(record) = state.held.front() {
            if length + record.len() > buffer.len() {
                break;
            }
            buffer[length..length + record.len()].copy_from_slice(record);
            length += record.len();
            state.held.pop_front();
        }
        if length == 0 { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(length) }
    }

    fn write(&mut self, frame: &[u8]) -> io::Result<usize> {
        let mut state = self.0.borrow_mut();
        state.failure(|state| &mut state.write_errors)?;
        assert!(state.complete, "the kernel would write its own hardware address");
        if frame.len() > 1514 {
            return Err(io::Error::from_raw_os_error(EMSGSIZE));
        }
        state.written.push(frame.to_vec());
        if !state.inward {
            state.catch(frame);
        }
        Ok(state.takes.take().unwrap_or(frame.len()))
    }

    fn wait(&mut self, timeout: Option<Duration>) -> io::Result<bool> {
        let mut state = self.0.borrow_mut();
        state.waits += 1;
        if let Some(said) = state.wait_errors.pop_front() {
            return Err(said);
        }
        assert!(state.immediate, "the kernel would wait until its buffer is full");
        if !state.held.is_empty() || state.gone {
            return Ok(true);
        }
        let timeout = timeout.expect("nothing will ever come");
        state.now += timeout.as_nanos() as u64;
        Ok(false)
    }

    fn clock(&self) -> u64 {
        self.0.borrow().now
    }
}
