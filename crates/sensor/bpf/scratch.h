/* Maps, the scratch buffer in which a record is put together, and its way into the ring.
 *
 * All state of a walk lives in the scratch value, not on the stack: what is loaded from a map is an unknown
 * number to the verifier, so that each function is verified once and loops converge on old kernels too. */
#pragma once
#include "scope.h"
#include <bpf/bpf_core_read.h>

#define BUF_MASK 0xffff
#define BUF_FULL 0xe000
#define PIECE 32768
#define STRING_MAX 4096

struct scratch {
	u32 off;
	u32 item; /* where the open item's head lies */
	u64 dentry, mount; /* the walk */
	u32 walk_len, walk_flags, walk_done;
	u32 slot, list, chunks, kind, seen;
	u64 from, to; /* copying of argv */
	u64 pointers, string;
	u32 width, index, ended, last;
	u64 task, files;
	u64 file_slots;
	struct header header; /* of the record being made, for its chunks */
	u8 buf[2 * (BUF_MASK + 1)];
};

struct io_key {
	u64 files;
	u32 fd;
	u32 slot;
};
struct io_value {
	u64 file, written, writes, read;
	u32 mapped;
	u32 spare;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2);
	__type(key, u32);
	__type(value, struct scratch);
} scratches SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, RUNS);
	__type(key, u32);
	__type(value, struct run);
} runs SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, RUNS *KINDS);
	__type(key, u32);
	__type(value, struct count);
} counts SEC(".maps");

/* by run: not 0 once it came to an AF_VSOCK socket. A map of its own, so that calls read what is hardly ever written. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, RUNS);
	__type(key, u32);
	__type(value, u32);
} doom SEC(".maps");

/* x86_64 at 0, i386 at 1,024 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2048);
	__type(key, u32);
	__type(value, struct spec);
} specs SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 32768);
	__type(key, struct io_key);
	__type(value, struct io_value);
} ios SEC(".maps");

/* files_struct to the number of its descriptor slots that were looked at, for the sweep at its end */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, u64);
	__type(value, u32);
} io_files SEC(".maps");

/* io_uring request to run */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, u64);
	__type(value, u32);
} requests SEC(".maps");

struct ring_map {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
};
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, RUNS);
	__type(key, u32);
	__type(value, u32);
	__array(values, struct ring_map);
} rings SEC(".maps");

static __always_inline struct scratch *scratch(u32 si)
{
	return bpf_map_lookup_elem(&scratches, &si);
}

static __always_inline u32 mine(void)
{
	return bpf_get_smp_processor_id() * 2;
}

static __always_inline void map_full(u32 slot)
{
	struct run *run = bpf_map_lookup_elem(&runs, &slot);

	if (run)
		__sync_fetch_and_add(&run->map_full, 1);
}

/* Where to write next. The barrier keeps the compiler from proving the mask needless. */
static __always_inline void *at(struct scratch *s)
{
	u32 off = s->off;

	asm volatile("%0 &= 0xffff" : "+r"(off));
	return s->buf + off;
}

/* The number of `task` in the pid namespace with inode `inum` (0: none there); `0` means the first one. */
__noinline int pid_in(u64 task, u32 inum)
{
	struct task_struct *t = (void *)task;
	struct pid *pid = BPF_CORE_READ(t, thread_pid);
	u32 level = BPF_CORE_READ(pid, level);
	u64 base = (u64)pid + bpf_core_field_offset(struct pid, numbers);

	if (!inum)
		return BPF_CORE_READ(t, pid);
	for (u32 i = 0; i < 33; i++) {
		struct upid *upid = (void *)(base + (u64)i * bpf_core_type_size(struct upid));

		if (i > level)
			break;
		if (BPF_CORE_READ(upid, ns, ns.inum) == inum)
			return BPF_CORE_READ(upid, nr);
	}
	return 0;
}

/* Starts a record about `task`. */
__noinline int begin(u32 si, u64 task, u32 type, u32 kind)
{
	struct scratch *s = scratch(si);
	struct config *c = settings();
	struct task_struct *t = (void *)task;
	u32 own;

	if (!s || !c)
		return 0;
	own = c->own_pid_ns;
	s->header.seq = 0;
	s->header.boot_ns = bpf_ktime_get_boot_ns();
	s->header.type = type;
	s->header.kind = kind;
	if (own) {
		s->header.tid = pid_in(task, own);
		s->header.tgid = pid_in((u64)BPF_CORE_READ(t, group_leader), own);
	} else {
		s->header.tid = BPF_CORE_READ(t, pid);
		s->header.tgid = BPF_CORE_READ(t, tgid);
	}
	s->header.euid = BPF_CORE_READ(t, cred, euid.val);
	s->header.fixed = 0;
	s->header.flags = 0;
	s->off = sizeof(struct header);
	return 0;
}

/* The fixed part, which must be the first after `begin`. */
#define FIXED(s, name, type)                                                                                          \
	struct type *name = (void *)((s)->buf + sizeof(struct header));                                                 \
	__builtin_memset(name, 0, sizeof(*name));                                                                       \
	(s)->header.fixed = sizeof(*name);                                                                              \
	(s)->off = sizeof(struct header) + sizeof(*name)

/* Sends `len` bytes at `data` (a record whose header is in place) under `kind`. */
static __always_inline int send(u32 slot, u32 kind, struct header *header, u64 len)
{
	struct run *run = bpf_map_lookup_elem(&runs, &slot);
	u32 index = slot * KINDS + kind;
	struct count *count = bpf_map_lookup_elem(&counts, &index);
	void *ring = bpf_map_lookup_elem(&rings, &slot);

	if (!run || !count || !ring)
		return -1;
	__sync_fetch_and_add(&count->attempted, 1);
	header->seq = __sync_fetch_and_add(&run->seq, 1);
	if (bpf_ringbuf_output(ring, header, len, 1 /* BPF_RB_NO_WAKEUP */) < 0) {
		__sync_fetch_and_add(&count->dropped, 1);
		return -1;
	}
	__sync_fetch_and_add(&count->emitted, 1);
	return 0;
}

/* Ends the record and sends it. */
__noinline int emit(u32 si, u32 slot)
{
	struct scratch *s = scratch(si);
	u32 len;

	if (!s)
		return -1;
	*(struct header *)s->buf = s->header;
	len = s->off;
	asm volatile("%0 &= 0xffff" : "+r"(len));
	return send(slot, s->header.kind, (void *)s->buf, len);
}

/* Opens an item; its length is set by `close_item`. */
static __always_inline void open_item(struct scratch *s, u16 tag, u16 status)
{
	struct item *item = at(s);

	item->tag = tag;
	item->status = status;
	item->len = 0;
	s->item = s->off & BUF_MASK;
	s->off += sizeof(*item);
}

static __always_inline void close_item(struct scratch *s)
{
	u32 off = s->item, len = s->off - s->item - sizeof(struct item);

	asm volatile("%0 &= 0xffff" : "+r"(off));
	((struct item *)(s->buf + off))->len = len;
}

static __always_inline void nothing(struct scratch *s)
{
	if (s->off >= BUF_FULL)
		return;
	open_item(s, I_NOTHING, WHOLE);
}
