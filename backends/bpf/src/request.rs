//! Numbers of ioctl requests, made as sys/ioccom.h makes them on every BSD: the direction, the size
//! of the argument, a group and a number.

/// A request, which tells the size of its argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request(u32);

impl Request {
    /// Tells the number that ioctl(2) takes.
    #[must_use]
    pub const fn number(self) -> u32 {
        self.0
    }

    /// Tells how many bytes the kernel reads or writes at most.
    #[must_use]
    pub const fn size(self) -> usize {
        (self.0 >> 16 & MASK) as usize
    }
}

/// Makes a request by which the kernel tells something: _IOR.
#[must_use]
pub const fn read(group: u8, number: u8, size: u32) -> Request {
    make(OUT, group, number, size)
}

/// Makes a request that tells the kernel something: _IOW.
#[must_use]
pub const fn write(group: u8, number: u8, size: u32) -> Request {
    make(IN, group, number, size)
}

/// Makes a request that does both: _IOWR.
#[must_use]
pub const fn read_write(group: u8, number: u8, size: u32) -> Request {
    make(IN | OUT, group, number, size)
}

const fn make(direction: u32, group: u8, number: u8, size: u32) -> Request {
    Request(direction | (size & MASK) << 16 | (group as u32) << 8 | number as u32)
}

const OUT: u32 = 0x4000_0000;
const IN: u32 = 0x8000_0000;
/// IOCPARM_MASK.
const MASK: u32 = 0x1fff;
/// The largest argument of any request here: NetBSD's struct ifreq.
pub(crate) const LARGEST: usize = 144;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_tells_the_size_of_its_argument() {
        assert_eq!(read_write(b'i', 126, 144).size(), 144);
        assert_eq!(read(b'B', 111, 128).number(), 0x4080_426f);
    }
}
