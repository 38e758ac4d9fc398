/* io_uring: operations at their submission and at their completion. The tracepoints have other names and
 * arguments on other kernels. User space takes the submission's name from BTF; of the completion's two programs
 * the verifier refuses the one that doesn't fit, as each reads an argument that only its kernels have so. */
#pragma once

#define OP_CONNECT 16
#define OP_RENAMEAT 35
#define OP_UNLINKAT 36
#define OP_MKDIRAT 37
#define OP_SYMLINKAT 38
#define OP_LINKAT 39
#define OP_OPENAT 18
#define OP_OPENAT2 28
#define OP_ACCEPT 13
#define OP_SOCKET 45

static __always_inline u32 uring_scratch(void)
{
	return mine() + 1;
}

static __always_inline int submitted(u64 request)
{
	struct io_kiocb *req = (void *)request;
	struct config *c = settings();
	struct task_struct *task;
	u64 self = bpf_get_current_task();
	struct scratch *s;
	u32 si, slot_at, op;
	int slot;

	if (!c || !c->active)
		return 0;
	task = bpf_get_current_task_btf();
	slot = run_of(c, task);
	if (slot < 0)
		return 0;
	si = uring_scratch();
	s = scratch(si);
	if (!s)
		return 0;
	slot_at = slot;
	if (bpf_map_update_elem(&requests, &request, &slot_at, 0))
		map_full(slot);
	op = BPF_CORE_READ(req, opcode);
	begin(si, self, R_URING_SUBMIT, c->kind_uring);
	FIXED(s, uring, uring);
	uring->request = request;
	uring->opcode = op;
	uring->fd = BPF_CORE_READ(req, cqe.fd);
	if (op == OP_SOCKET) {
		uring->domain = BPF_CORE_READ((struct io_socket *)request, domain);
		/* the kernel's own copy: it can't change any more */
		if (uring->domain == AF_VSOCK && !c->refuses) {
			s->header.flags = WALLED;
			breached(slot);
		}
	}
	/* items: path, base, path2, base2, address */
	if (op == OP_OPENAT || op == OP_OPENAT2) {
		struct io_open *o = (void *)request;

		kernel_string(si, (u64)BPF_CORE_READ(o, filename, name));
		dir_object(si, self, BPF_CORE_READ(o, dfd));
	} else if (op == OP_UNLINKAT) {
		struct io_unlink *o = (void *)request;

		kernel_string(si, (u64)BPF_CORE_READ(o, filename, name));
		dir_object(si, self, BPF_CORE_READ(o, dfd));
	} else if (op == OP_MKDIRAT) {
		struct io_mkdir *o = (void *)request;

		kernel_string(si, (u64)BPF_CORE_READ(o, filename, name));
		dir_object(si, self, BPF_CORE_READ(o, dfd));
	} else if (op == OP_RENAMEAT) {
		struct io_rename *o = (void *)request;

		kernel_string(si, (u64)BPF_CORE_READ(o, oldpath, name));
		dir_object(si, self, BPF_CORE_READ(o, old_dfd));
		kernel_string(si, (u64)BPF_CORE_READ(o, newpath, name));
		dir_object(si, self, BPF_CORE_READ(o, new_dfd));
	} else if (op == OP_LINKAT || op == OP_SYMLINKAT) {
		struct io_link *o = (void *)request;

		kernel_string(si, (u64)BPF_CORE_READ(o, oldpath, name));
		dir_object(si, self, BPF_CORE_READ(o, old_dfd));
		kernel_string(si, (u64)BPF_CORE_READ(o, newpath, name));
		dir_object(si, self, BPF_CORE_READ(o, new_dfd));
	} else if (op == OP_CONNECT) {
		struct io_connect *o = (void *)request;

		nothing(s);
		nothing(s);
		nothing(s);
		nothing(s);
		user_bytes(si, (u64)BPF_CORE_READ(o, addr), BPF_CORE_READ(o, addr_len));
	}
	emit(si, slot);
	return 0;
}

static __always_inline int completed(u64 request, s32 result)
{
	struct io_kiocb *req = (void *)request;
	struct config *c = settings();
	u64 self = bpf_get_current_task();
	struct scratch *s;
	u32 si, slot, op, *found;
	u64 file;

	if (!c || !c->active)
		return 0;
	found = bpf_map_lookup_elem(&requests, &request);
	if (!found)
		return 0;
	slot = *found;
	bpf_map_delete_elem(&requests, &request);
	si = uring_scratch();
	s = scratch(si);
	if (!s)
		return 0;
	op = BPF_CORE_READ(req, opcode);
	begin(si, self, R_URING_DONE, c->kind_uring);
	FIXED(s, uring, uring);
	uring->request = request;
	uring->opcode = op;
	uring->result = result;
	if (op == OP_OPENAT || op == OP_OPENAT2 || op == OP_ACCEPT)
		file = result >= 0 ? file_of(self, result) : 0;
	else
		file = (u64)BPF_CORE_READ(req, file);
	file_object(si, self, file);
	emit(si, slot);
	return 0;
}

SEC("tp_btf/io_uring_submit_req")
int on_uring_submit_req(u64 *ctx)
{
	return submitted(number(ctx, 0));
}

SEC("tp_btf/io_uring_submit_sqe")
int on_uring_submit_sqe(u64 *ctx)
{
	return submitted(number(ctx, 0));
}

SEC("tp_btf/io_uring_complete")
int on_uring_complete_cqe(u64 *ctx)
{
	struct io_uring_cqe *cqe = (void *)ctx[2];

	return completed(number(ctx, 1), cqe->res);
}

SEC("tp_btf/io_uring_complete")
int on_uring_complete_res(u64 *ctx)
{
	return completed(number(ctx, 1), (s32)ctx[3]);
}
