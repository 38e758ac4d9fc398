/* argv and env: as many pieces as they need, each a record of its own ahead of the record that they belong to. */
#pragma once
#include "takes.h"

/* Sends what lies in the buffer after the chunk's head. */
static __always_inline void send_chunk(struct scratch *s, u32 list, u32 hole, u32 len)
{
	struct chunk *chunk = (void *)(s->buf + sizeof(struct header));
	u32 whole = sizeof(struct header) + sizeof(*chunk) + len;

	*(struct header *)s->buf = s->header;
	((struct header *)s->buf)->type = R_CHUNK;
	((struct header *)s->buf)->fixed = sizeof(*chunk);
	chunk->list = list;
	chunk->hole = hole;
	chunk->len = len;
	chunk->spare = 0;
	s->chunks++;
	asm volatile("%0 &= 0xffff" : "+r"(whole));
	send(s->slot, s->header.kind, (void *)s->buf, whole);
}

#define CHUNK_HEAD (sizeof(struct header) + sizeof(struct chunk))

static long copy_piece(u32 i, u32 *si)
{
	struct scratch *s = scratch(*si);
	u64 left;
	u32 len;

	if (!s || s->from >= s->to)
		return 1;
	left = s->to - s->from;
	len = left > PIECE ? PIECE : left;
	asm volatile("%0 &= 0xffff" : "+r"(len));
	if (len > PIECE)
		return 1;
	if (bpf_probe_read_user(s->buf + CHUNK_HEAD, len, (void *)s->from)) {
		/* page by page, then */
		len = 4096 - (s->from & 4095);
		if (len > left)
			len = left;
		asm volatile("%0 &= 0x1fff" : "+r"(len));
		if (bpf_probe_read_user(s->buf + CHUNK_HEAD, len, (void *)s->from)) {
			send_chunk(s, s->list, len, 0);
			s->from += len;
			return 0;
		}
	}
	send_chunk(s, s->list, 0, len);
	s->from += len;
	return 0;
}

/* The bytes from `from` to `to`, which are strings in a row. */
__noinline int copy_area(u32 si, u32 list, u64 from, u64 to)
{
	struct scratch *s = scratch(si);

	if (!s)
		return 0;
	s->list = list;
	s->from = from;
	s->to = to;
	bpf_loop(4096, copy_piece, &si, 0);
	return 0;
}

/* One step along an array of pointers: a string, or a further piece of a long one. */
static long copy_pointed(u32 i, u32 *si)
{
	struct scratch *s = scratch(*si);
	u32 off;
	long len;

	if (!s)
		return 1;
	if (!s->string) {
		u64 pointer = 0;

		if (bpf_probe_read_user(&pointer, s->width == 4 ? 4 : 8, (void *)s->pointers)) {
			if (s->off > CHUNK_HEAD)
				send_chunk(s, s->list, 0, s->off - CHUNK_HEAD);
			s->off = CHUNK_HEAD;
			send_chunk(s, s->list, 1, 0);
			s->ended = 1;
			return 1;
		}
		if (!pointer) {
			s->ended = 1;
			return 1;
		}
		s->pointers += s->width;
		s->string = pointer;
	}
	if (s->off > PIECE) {
		send_chunk(s, s->list, 0, s->off - CHUNK_HEAD);
		s->off = CHUNK_HEAD;
	}
	off = s->off;
	asm volatile("%0 &= 0xffff" : "+r"(off));
	len = bpf_probe_read_user_str(s->buf + off, 4096, (void *)s->string);
	if (len < 0) {
		if (s->off > CHUNK_HEAD)
			send_chunk(s, s->list, 0, s->off - CHUNK_HEAD);
		s->off = CHUNK_HEAD;
		send_chunk(s, s->list, 1, 0);
		s->string = 0;
		return 0;
	}
	if (len == 4096) {
		s->off += 4095;
		s->string += 4095;
		return 0;
	}
	s->off += len;
	s->string = 0;
	return 0;
}

__noinline int copy_array(u32 si, u32 list, u64 pointers, u32 width)
{
	struct scratch *s = scratch(si);

	if (!s || !pointers)
		return 0;
	s->list = list;
	s->pointers = pointers;
	s->width = width;
	s->string = 0;
	s->ended = 0;
	s->off = CHUNK_HEAD;
	bpf_loop(1 << 17, copy_pointed, &si, 0);
	if (s->off > CHUNK_HEAD)
		send_chunk(s, list, 0, s->off - CHUNK_HEAD);
	if (!s->ended)
		send_chunk(s, list, 1, 0);
	return 0;
}

__noinline int parent_in(u64 task, u32 inum)
{
	struct task_struct *t = (void *)task;

	return pid_in((u64)BPF_CORE_READ(t, real_parent, group_leader), inum);
}

static __always_inline void stdio_objects(u32 si, u64 task)
{
	file_object(si, task, file_of(task, 0));
	file_object(si, task, file_of(task, 1));
	file_object(si, task, file_of(task, 2));
}
