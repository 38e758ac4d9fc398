//! One operation of io_uring.

/// `struct io_uring_sqe`, as far as it is used.
#[derive(Clone, Copy, Default)]
pub struct Entry {
    pub opcode: u8,
    pub fd: i32,
    pub offset: u64,
    pub address: u64,
    pub len: u32,
    pub flags: u32,
}

/// Submits `entry` and gives its result; what it points at must live that long.
pub fn submit(entry: Entry) -> Option<i32> {
    // SAFETY: the ring is mapped as the kernel lays it out (offsets from io_uring_setup's answer), and the entry is
    // written before the submission.
    unsafe {
        let mut params = [0u32; 30];
        let ring = libc::syscall(libc::SYS_io_uring_setup, 4, params.as_mut_ptr()) as i32;
        if ring < 0 {
            return None;
        }
        let map = |len: usize, offset: i64| {
            let at = libc::mmap(std::ptr::null_mut(), len, 3, libc::MAP_SHARED, ring, offset);
            (at != libc::MAP_FAILED).then_some(at.cast::<u8>())
        };
        // sq_off begins at word 10, cq_off at word 20
        let (tail, array) = (params[11] as usize, params[16] as usize);
        let (cq_tail, cqes) = (params[21] as usize, params[25] as usize);
        let queue = map(4096, 0)?;
        let completions = map(4096, 0x800_0000)?;
        let entries = map(4096, 0x1000_0000)?;
        for word in 0..8 {
            entries.cast::<u64>().add(word).write_volatile(0);
        }
        entries.write_volatile(entry.opcode);
        entries.add(4).cast::<i32>().write_volatile(entry.fd);
        entries.add(8).cast::<u64>().write_volatile(entry.offset);
        entries.add(16).cast::<u64>().write_volatile(entry.address);
        entries.add(24).cast::<u32>().write_volatile(entry.len);
        entries.add(28).cast::<u32>().write_volatile(entry.flags);
        queue.add(array).cast::<u32>().write_volatile(0);
        queue.add(tail).cast::<u32>().write_volatile(1);
        libc::syscall(libc::SYS_io_uring_enter, ring, 1, 1, 1, 0, 0);
        let result = (completions.add(cq_tail).cast::<u32>().read_volatile() != 0)
            .then(|| completions.add(cqes + 8).cast::<i32>().read_volatile());
        libc::close(ring);
        result
    }
}
