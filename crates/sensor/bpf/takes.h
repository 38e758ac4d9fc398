/* The interpreter of `calls::Take`: what is copied of a call at its entry and at its return. */
#pragma once
#include "object.h"

__noinline int user_string(u32 si, u64 from)
{
	struct scratch *s = scratch(si);
	struct item *item;
	long len;

	if (!s)
		return 0;
	if (!from || s->off >= BUF_FULL) {
		nothing(s);
		return 0;
	}
	item = at(s);
	open_item(s, I_STRING, WHOLE);
	len = bpf_probe_read_user_str(at(s), STRING_MAX + 1, (void *)from);
	if (len < 0)
		item->status = NOT_RESIDENT;
	else
		s->off += len;
	if (len == STRING_MAX + 1)
		item->status = TRUNCATED;
	close_item(s);
	return 0;
}

__noinline int user_bytes(u32 si, u64 from, u64 len)
{
	struct scratch *s = scratch(si);
	struct item *item;

	if (!s)
		return 0;
	if (!from || s->off >= BUF_FULL) {
		nothing(s);
		return 0;
	}
	item = at(s);
	open_item(s, I_BYTES, WHOLE);
	if (len > 256)
		len = 256;
	asm volatile("%0 &= 0x1ff" : "+r"(len));
	if (bpf_probe_read_user(at(s), len, (void *)from))
		item->status = NOT_RESIDENT;
	else
		s->off += len;
	close_item(s);
	return 0;
}

static __always_inline u64 user_word(u64 from, u32 width)
{
	u64 value = 0;
	u32 half = 0;

	if (width == 8) {
		bpf_probe_read_user(&value, 8, (void *)from);
		return value;
	}
	bpf_probe_read_user(&half, 4, (void *)from);
	return half;
}

/* `msg_name` of a struct msghdr. */
static __always_inline void message_name(u32 si, u64 from, u32 abi)
{
	if (abi == 1)
		user_bytes(si, user_word(from, 4), user_word(from + 4, 4));
	else
		user_bytes(si, user_word(from, 8), user_word(from + 8, 4));
}

/* socketcall: which words hold the address. */
static __always_inline void socketcall(u32 si, u32 call, u64 args, int leaving)
{
	struct scratch *s = scratch(si);

	if (!s)
		return;
	if (!leaving && (call == 2 || call == 3))
		user_bytes(si, user_word(args + 4, 4), user_word(args + 8, 4));
	else if (!leaving && call == 11)
		user_bytes(si, user_word(args + 16, 4), user_word(args + 20, 4));
	else if (!leaving && call == 16)
		message_name(si, user_word(args + 4, 4), 1);
	else if (leaving && (call == 5 || call == 18))
		user_bytes(si, user_word(args + 4, 4), user_word(user_word(args + 8, 4), 4));
	else
		nothing(s);
}

/* The own end of the internet socket behind `file_at`. */
__noinline int local_end(u32 si, u64 file_at)
{
	struct scratch *s = scratch(si);
	struct file *file = (void *)file_at;
	struct local_end *end;
	struct socket *socket;
	struct sock *sk;
	u16 family;

	if (!s)
		return 0;
	if (bad(file_at) || s->off >= BUF_FULL || (BPF_CORE_READ(file, f_inode, i_mode) & 0xf000) != 0xc000) {
		nothing(s);
		return 0;
	}
	socket = BPF_CORE_READ(file, private_data);
	sk = BPF_CORE_READ(socket, sk);
	family = BPF_CORE_READ(sk, __sk_common.skc_family);
	if (family != 2 && family != 10) {
		nothing(s);
		return 0;
	}
	open_item(s, I_BYTES, WHOLE);
	end = at(s);
	end->protocol = BPF_CORE_READ(sk, sk_protocol);
	end->family = family;
	end->port = BPF_CORE_READ(sk, __sk_common.skc_num);
	end->spare = 0;
	__builtin_memset(end->address, 0, sizeof(end->address));
	if (family == 2)
		bpf_probe_read_kernel(end->address, 4, &sk->__sk_common.skc_rcv_saddr);
	else
		bpf_probe_read_kernel(end->address, 16, &sk->__sk_common.skc_v6_rcv_saddr);
	s->off += sizeof(*end);
	close_item(s);
	return 0;
}

/* Takes number `i` of `spec`. At return only what the return can tell anew; at most one item each. */
__noinline int take(u32 si, u64 task, u32 key, u32 i, u32 leaving)
{
	struct state *st = bpf_map_lookup_elem(&states, &key);
	struct scratch *s = scratch(si);
	struct spec *spec;
	struct take t;
	u64 a, b;
	u32 index;

	if (!st || !s)
		return 0;
	index = (st->abi == 1 ? 1024 : 0) + (st->nr & 1023);
	spec = bpf_map_lookup_elem(&specs, &index);
	if (!spec || i > 3)
		return 0;
	t = spec->takes[i & 3];
	if (t.op == T_NONE)
		return 0;
	index = t.a;
	asm volatile("%0 &= 7" : "+r"(index));
	a = index < 6 ? st->args[index] : 0;
	index = t.b;
	asm volatile("%0 &= 7" : "+r"(index));
	b = index < 6 ? st->args[index] : 0;
	if (t.op == T_STR)
		user_string(si, a);
	else if (t.op == T_CREDS)
		creds_item(si, task);
	else if (t.op == T_LOCAL_END && leaving)
		local_end(si, file_of(task, (u32)a));
	else if (t.op == T_SOCKETCALL_LOCAL_END && leaving) {
		u32 call = st->args[0];

		if (call == 2 || call == 3 || call == 11 || call == 16)
			local_end(si, file_of(task, user_word(a, 4)));
		else
			nothing(s);
	} else if (leaving == 0) {
		if (t.op == T_CWD)
			cwd_object(si, task);
		else if (t.op == T_DIR)
			dir_object(si, task, (s32)a);
		else if (t.op == T_FD)
			file_object(si, task, file_of(task, (u32)a));
		else if (t.op == T_WORD_FD)
			file_object(si, task, file_of(task, user_word(a + t.len, 4)));
		else if (t.op == T_BYTES)
			user_bytes(si, a, t.len);
		else if (t.op == T_SIZED)
			user_bytes(si, a, (u32)b);
		else if (t.op == T_MESSAGE_NAME)
			message_name(si, a, st->abi);
		else if (t.op == T_SOCKETCALL_ARGS)
			user_bytes(si, a, 24);
		else if (t.op == T_SOCKETCALL_ADDRESS)
			socketcall(si, (u32)st->args[0], st->args[1], 0);
		else
			nothing(s);
	} else if (leaving == 1) { /* a success */
		if (t.op == T_RETFD)
			file_object(si, task, file_of(task, s->index));
		else if (t.op == T_ADDRESS_OUT)
			user_bytes(si, a, b ? user_word(b, 4) : 0);
		else if (t.op == T_SOCKETCALL_ADDRESS)
			socketcall(si, (u32)st->args[0], st->args[1], 1);
		else
			nothing(s);
	} else
		nothing(s);
	return 0;
}

__noinline int takes(u32 si, u64 task, u32 key, u32 leaving)
{
	take(si, task, key, 0, leaving);
	take(si, task, key, 1, leaving);
	take(si, task, key, 2, leaving);
	take(si, task, key, 3, leaving);
	return 0;
}
