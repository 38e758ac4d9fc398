//! Records as they come out of the ring (`bpf/wire.h`): a header, a fixed part, items.

/// The type of a record.
pub(super) mod kind_of {
    pub const BIRTH: u16 = 1;
    pub const EXEC: u16 = 2;
    pub const EXIT: u16 = 3;
    pub const ENTER: u16 = 4;
    pub const LEAVE: u16 = 5;
    pub const SKIPPED: u16 = 6;
    pub const IO_OBJECT: u16 = 7;
    pub const IO: u16 = 8;
    pub const SIGNAL: u16 = 9;
    pub const URING_SUBMIT: u16 = 10;
    pub const URING_DONE: u16 = 11;
    pub const MOVE: u16 = 12;
    pub const CHUNK: u16 = 13;
    pub const SENTINEL: u16 = 14;
}

pub(super) const HEADER: usize = 40;
const WALLED: u32 = 1;

/// The header of a record.
#[derive(Clone, Copy, Debug)]
pub(super) struct Header {
    pub seq: u64,
    pub boot_ns: u64,
    pub kind: u16,
    pub of: u16,
    pub tgid: u32,
    pub tid: u32,
    pub euid: u32,
    /// Detektr's own wall acted.
    pub walled: bool,
}

/// Reads numbers one after the other; past the end all are 0.
#[derive(Clone, Copy, Debug)]
pub(super) struct Numbers<'a>(pub &'a [u8]);

impl Numbers<'_> {
    fn take<const N: usize>(&mut self) -> [u8; N] {
        let mut out = [0; N];
        let have = self.0.len().min(N);
        out[..have].copy_from_slice(&self.0[..have]);
        self.0 = &self.0[have..];
        out
    }
    pub fn u16(&mut self) -> u16 {
        u16::from_le_bytes(self.take())
    }
    pub fn u32(&mut self) -> u32 {
        u32::from_le_bytes(self.take())
    }
    pub fn i32(&mut self) -> i32 {
        i32::from_le_bytes(self.take())
    }
    pub fn u64(&mut self) -> u64 {
        u64::from_le_bytes(self.take())
    }
    pub fn u32s<const N: usize>(&mut self) -> [u32; N] {
        std::array::from_fn(|_| self.u32())
    }
    pub fn u64s<const N: usize>(&mut self) -> [u64; N] {
        std::array::from_fn(|_| self.u64())
    }
}

/// A record taken apart.
#[derive(Clone, Copy, Debug)]
pub(super) struct Record<'a> {
    pub header: Header,
    pub fixed: Numbers<'a>,
    pub rest: &'a [u8],
}

impl<'a> Record<'a> {
    /// The record in `bytes`, or `None` where it is none.
    pub fn parse(bytes: &'a [u8]) -> Option<Record<'a>> {
        if bytes.len() < HEADER {
            return None;
        }
        let mut n = Numbers(bytes);
        let (seq, boot_ns, of, kind) = (n.u64(), n.u64(), n.u16(), n.u16());
        let (tgid, tid, euid, fixed) = (n.u32(), n.u32(), n.u32(), n.u32() as usize);
        let walled = n.u32() & WALLED != 0;
        let body = &bytes[HEADER..];
        if fixed > body.len() {
            return None;
        }
        Some(Record {
            header: Header { seq, boot_ns, kind, of, tgid, tid, euid, walled },
            fixed: Numbers(&body[..fixed]),
            rest: &body[fixed..],
        })
    }

    /// The items after the fixed part.
    pub fn items(&self) -> Vec<Item> {
        let mut rest = self.rest;
        let mut items = Vec::new();
        while rest.len() >= 8 {
            let mut n = Numbers(rest);
            let (tag, status, len) = (n.u16(), n.u16(), n.u32() as usize);
            let Some(body) = rest.get(8..8 + len) else { break };
            items.push(Item { tag, status, body: body.to_vec() });
            rest = &rest[8 + len..];
        }
        items
    }
}

/// One item: a tag, how well it was read, its bytes.
#[derive(Clone, Debug)]
pub(super) struct Item {
    pub tag: u16,
    pub status: u16,
    pub body: Vec<u8>,
}

pub(super) const STRING: u16 = 1;
pub(super) const BYTES: u16 = 2;
pub(super) const OBJECT: u16 = 3;
pub(super) const CREDS: u16 = 4;
