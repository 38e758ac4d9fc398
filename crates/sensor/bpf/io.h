/* What was written to and read from each open file, summed up in the kernel. */
#pragma once
#include "object.h"

#define FMODE_WRITE 2

static __always_inline int io_wanted(u64 file_at)
{
	struct file *file = (void *)file_at;

	if (bad(file_at) || !(BPF_CORE_READ(file, f_mode) & FMODE_WRITE))
		return 0;
	return (BPF_CORE_READ(file, f_inode, i_mode) & 0170000) == 0100000;
}

/* Tells and forgets the sum for descriptor `fd`. */
__noinline int io_flush(u32 si, u64 task, u64 files, u32 fd, u32 slot)
{
	struct io_key key = { .files = files, .fd = fd, .slot = slot };
	struct io_value *v = bpf_map_lookup_elem(&ios, &key);
	struct scratch *s = scratch(si);
	struct config *c = settings();

	if (!v || !s || !c)
		return 0;
	begin(si, task, R_IO, c->kind_write);
	FIXED(s, sum, io_sum);
	sum->files = files;
	sum->file = v->file;
	sum->fd = fd;
	sum->mapped = v->mapped;
	sum->written = v->written;
	sum->writes = v->writes;
	sum->read = v->read;
	emit(si, slot);
	bpf_map_delete_elem(&ios, &key);
	return 0;
}

/* Counts one call on `fd`: way 0 reads, 1 writes, 2 maps. */
__noinline int io_count(u32 si, u64 task, u32 fd, u64 bytes, u32 way)
{
	struct task_struct *t = (void *)task;
	struct scratch *s = scratch(si);
	struct config *c = settings();
	struct io_value *v, fresh = {};
	struct io_key key = {};
	u64 file = file_of(task, fd);
	u32 *slots, slot;

	if (!s || !c || !io_wanted(file))
		return 0;
	slot = s->slot;
	key.files = (u64)BPF_CORE_READ(t, files);
	key.fd = fd;
	key.slot = slot;
	v = bpf_map_lookup_elem(&ios, &key);
	if (v && v->file != file) {
		io_flush(si, task, key.files, fd, slot);
		v = 0;
	}
	if (!v) {
		fresh.file = file;
		if (bpf_map_update_elem(&ios, &key, &fresh, 0)) {
			map_full(slot);
			return 0;
		}
		begin(si, task, R_IO_OBJECT, c->kind_write);
		FIXED(s, sum, io_sum);
		sum->files = key.files;
		sum->file = file;
		sum->fd = fd;
		file_object(si, task, file);
		emit(si, slot);
		slots = bpf_map_lookup_elem(&io_files, &key.files);
		if (slots) {
			if (*slots <= fd)
				*slots = fd + 1;
		} else {
			u32 first = fd + 1;

			if (bpf_map_update_elem(&io_files, &key.files, &first, 0))
				map_full(slot);
		}
		v = bpf_map_lookup_elem(&ios, &key);
		if (!v)
			return 0;
	}
	if (way == 0)
		__sync_fetch_and_add(&v->read, bytes);
	else if (way == 1) {
		__sync_fetch_and_add(&v->written, bytes);
		__sync_fetch_and_add(&v->writes, 1);
	} else
		v->mapped = 1;
	return 0;
}

static long sweep_one(u32 fd, u32 *si)
{
	struct scratch *s = scratch(*si);
	struct io_key key = {};
	struct io_value *v;

	if (!s)
		return 1;
	fd += s->index;
	if (fd > s->last)
		return 1;
	key.files = s->files;
	key.fd = fd;
	key.slot = s->slot;
	v = bpf_map_lookup_elem(&ios, &key);
	if (v && (s->ended || v->file != file_of(s->task, fd)))
		io_flush(*si, s->task, s->files, fd, s->slot);
	return 0;
}

/* Tells the sums of the descriptors from `first` to `last`; `all`: also of those that are still open. */
__noinline int io_sweep(u32 si, u64 task, u32 first, u32 last, u32 all)
{
	struct task_struct *t = (void *)task;
	struct scratch *s = scratch(si);
	u32 *slots;

	if (!s)
		return 0;
	s->files = (u64)BPF_CORE_READ(t, files);
	slots = bpf_map_lookup_elem(&io_files, &s->files);
	if (!slots)
		return 0;
	if (last >= *slots)
		last = *slots - 1;
	if (last < first)
		return 0;
	s->task = task;
	s->index = first;
	s->last = last;
	s->ended = all;
	bpf_loop(last - first + 1 > (1 << 20) ? (1 << 20) : last - first + 1, sweep_one, &si, 0);
	return 0;
}
