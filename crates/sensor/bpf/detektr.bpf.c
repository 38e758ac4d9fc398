/* The programs of the ebpf sensor, all on BTF tracepoints: they load where fentry, LSM programs and kprobes are
 * refused. Which calls are told, and what is taken of each, comes from user space (`specs`). */
#include "argv.h"
#include "cputime.h"
#include "io.h"
#include "wall.h"

#define PF_IO_WORKER 0x10
#define X32 0x40000000
#define ABI_X86_64 0
#define ABI_I386 1
#define ABI_X32 2

char _license[] SEC("license") = "GPL";

/* The run that `task` belongs to, or -1. For a stranger it is a few loads and one look-up per level in use. */
static __always_inline int run_of(struct config *c, struct task_struct *task)
{
	struct cgroup *cgroup = task->cgroups->dfl_cgrp;
	u32 level = cgroup->level;
	u64 base = bpf_core_field_offset(struct cgroup, ancestors);

#pragma unroll
	for (int i = 0; i < LEVELS; i++) {
		u32 wanted = c->levels[i];
		struct cgroup *above = 0;
		u64 id;
		u32 *slot;

		if (!wanted)
			return -1;
		if (wanted > level)
			continue;
		bpf_probe_read_kernel(&above, sizeof(above), (void *)cgroup + base + 8 * (u64)wanted);
		id = BPF_CORE_READ(above, kn, id);
		slot = bpf_map_lookup_elem(&cgroups, &id);
		if (slot)
			return *slot;
	}
	return -1;
}

/* Argument `n` of a tracepoint as a mere number: functions take no pointers. */
static __always_inline u64 number(u64 *ctx, u32 n)
{
	u64 value = 0;

	bpf_probe_read_kernel(&value, sizeof(value), ctx + n);
	return value;
}

static __always_inline struct state *state_of(u32 tid, u32 slot, u8 fresh)
{
	struct state *st = bpf_map_lookup_elem(&states, &tid);

	if (!st) {
		struct state blank = { .slot = slot, .key = tid, .fresh = fresh };

		if (bpf_map_update_elem(&states, &tid, &blank, 0)) {
			map_full(slot);
			return 0;
		}
		st = bpf_map_lookup_elem(&states, &tid);
	}
	return st;
}

static __always_inline struct spec *spec_of(u32 abi, u32 nr)
{
	u32 index = (abi == ABI_I386 ? 1024 : 0) + (nr & 1023);

	if (nr > 1023)
		return 0;
	return bpf_map_lookup_elem(&specs, &index);
}

static __always_inline void arguments(struct state *st, struct pt_regs *regs, struct task_struct *task, u64 nr)
{
	if (task->thread_info.status & TS_COMPAT) {
		st->abi = ABI_I386;
		st->nr = nr;
		st->args[0] = (u32)regs->bx;
		st->args[1] = (u32)regs->cx;
		st->args[2] = (u32)regs->dx;
		st->args[3] = (u32)regs->si;
		st->args[4] = (u32)regs->di;
		st->args[5] = (u32)regs->bp;
		return;
	}
	st->abi = nr & X32 ? ABI_X32 : ABI_X86_64;
	st->nr = nr & ~(u64)X32;
	st->args[0] = regs->di;
	st->args[1] = regs->si;
	st->args[2] = regs->dx;
	st->args[3] = regs->r10;
	st->args[4] = regs->r8;
	st->args[5] = regs->r9;
}

/* Whether the call goes to user space. */
static __always_inline int wanted(struct spec *spec, struct state *st, u32 slot)
{
	u64 option = st->args[0];

	if (!spec->watched)
		return 0;
	if (spec->optional) {
		struct run *run = bpf_map_lookup_elem(&runs, &slot);

		if (!run || !run->observe_stat)
			return 0;
	}
	if (spec->filter == F_PROT_EXEC)
		return !!(st->args[2] & 4);
	if (spec->filter == F_PRCTL)
		return option == 15 || option == 22 || option == 24 || option == 47;
	if (spec->filter == F_ARG4)
		return !!st->args[4];
	if (spec->filter == F_OLD_MMAP) {
		u32 protection;

		/* told where it can't be read */
		return bpf_probe_read_user(&protection, 4, (void *)option + 8) || protection & 4;
	}
	if (spec->filter == F_MESSAGE_NAME)
		return !!user_word(st->args[1], st->abi == ABI_I386 ? 4 : 8);
	return 1;
}

static __always_inline void say_enter(u32 si, u64 task, struct state *st, struct spec *spec, u32 slot)
{
	struct scratch *s = scratch(si);

	if (!s)
		return;
	begin(si, task, R_ENTER, spec->kind);
	FIXED(s, enter, enter);
	__builtin_memcpy(enter->args, st->args, sizeof(enter->args));
	enter->nr = st->nr;
	enter->abi = st->abi;
	takes(si, task, st->key, 0);
	if (spec->is_exec)
		creds_item(si, task);
	emit(si, slot);
}

/* Whether the call connects an AF_VSOCK socket that the artifact came by all the same. */
static __always_inline int connects_vsock(u64 self, struct state *st, u32 how)
{
	u32 fd = st->args[0];

	if (how == SOCKETCALLS) {
		if (fd != SYS_CONNECT)
			return 0;
		fd = user_word(st->args[1], 4);
	}
	return family_of(file_of(self, fd)) == AF_VSOCK;
}

SEC("tp_btf/sys_enter")
int on_sys_enter(u64 *ctx)
{
	struct config *c = settings();
	struct task_struct *task;
	u64 self;
	struct pt_regs *regs = (void *)ctx[0];
	struct state *st;
	struct spec *spec;
	struct scratch *s;
	u32 si;
	int slot;

	if (!c || !c->active)
		return 0;
	slot = run_of_current(c);
	if (slot < 0)
		return 0;
	task = bpf_get_current_task_btf();
	self = bpf_get_current_task();
	if (doomed(slot))
		end(self, slot);
	st = state_of(task->pid, slot, 0);
	if (!st)
		return 0;
	arguments(st, regs, task, ctx[1]);
	st->in_call = 1;
	st->fresh = 0;
	st->wanted = 0;
	st->walled = 0;
	st->entry_ns = 0;
	spec = spec_of(st->abi, st->nr);
	if (!spec || (!spec->watched && !spec->io))
		return 0;
	si = mine();
	s = scratch(si);
	if (!s)
		return 0;
	s->slot = slot;
	if (spec->connects && connects_vsock(self, st, spec->connects)) {
		st->walled = 1;
		breached(slot);
	}
	if (spec->io == IO_CLOSE) {
		u32 fd = st->args[spec->io_out & 3];

		io_flush(si, self, (u64)BPF_CORE_READ((struct task_struct *)self, files), fd, slot);
	} else if (spec->io == IO_CLOSE_RANGE && !(st->args[2] & 4))
		io_sweep(si, self, st->args[0], st->args[1], 1);
	if (!wanted(spec, st, slot))
		return 0;
	st->wanted = 1;
	st->entry_ns = bpf_ktime_get_boot_ns();
	say_enter(si, self, st, spec, slot);
	return 0;
}

/* A failed exec's argv, env and surroundings. */
static __always_inline u32 say_failed_exec(u32 si, u64 task, struct state *st, struct scratch *s)
{
	int at_call = st->abi == ABI_I386 ? st->nr == 358 : st->nr == 322 || st->nr == 545;
	u32 width = st->abi == ABI_X86_64 ? 8 : 4;

	s->chunks = 0;
	copy_array(si, 0, at_call ? st->args[2] : st->args[1], width);
	copy_array(si, 1, at_call ? st->args[3] : st->args[2], width);
	return s->chunks;
}

static __always_inline void count_io(u32 si, u64 task, struct state *st, struct spec *spec, s64 ret)
{
	if (spec->io == IO_COUNT && ret > 0) {
		if (spec->io_in != NO_ARG)
			io_count(si, task, st->args[spec->io_in & 3], ret, 0);
		if (spec->io_out != NO_ARG)
			io_count(si, task, st->args[spec->io_out & 3], ret, 1);
	} else if (spec->io == IO_MMAP && (ret >= 0 || ret < -4095)) {
		/* MAP_SHARED or MAP_SHARED_VALIDATE, PROT_WRITE, not anonymous */
		if ((st->args[3] & 3) & 1 && st->args[2] & 2 && !(st->args[3] & 0x20))
			io_count(si, task, st->args[4], 0, 2);
	} else if (spec->io == IO_OLD_MMAP && (ret >= 0 || ret < -4095)) {
		u32 args[6] = {};

		bpf_probe_read_user(args, sizeof(args), (void *)st->args[0]);
		if (args[3] & 1 && args[2] & 2 && !(args[3] & 0x20))
			io_count(si, task, args[4], 0, 2);
	}
}

SEC("tp_btf/sys_exit")
int on_sys_exit(u64 *ctx)
{
	struct config *c = settings();
	struct task_struct *task;
	u64 self;
	struct pt_regs *regs = (void *)ctx[0];
	struct config *settings_at = c;
	struct state *st;
	struct spec *spec;
	struct scratch *s;
	struct run *run;
	s64 ret = ctx[1];
	u32 si, tid, chunks = 0, slot_at;
	int slot, skipped = 0, failed_exec, walled;

	if (!c || !c->active)
		return 0;
	slot = run_of_current(c);
	if (slot < 0)
		return 0;
	task = bpf_get_current_task_btf();
	self = bpf_get_current_task();
	slot_at = slot;
	tid = task->pid;
	if (doomed(slot_at))
		end(self, slot_at);
	st = bpf_map_lookup_elem(&states, &tid);
	walled = made_vsock(task, self, regs, ret, st && st->in_call);
	if (walled)
		breached(slot_at);
	if (!st) {
		/* it came in mid-call: nothing is known of this one */
		state_of(tid, slot, 0);
		return 0;
	}
	if (!st->in_call) {
		u64 nr = regs->orig_ax;

		if (st->fresh) {
			st->fresh = 0;
			return 0;
		}
		if ((s64)nr < 0 || (u32)nr == 0xffffffff)
			return 0;
		arguments(st, regs, task, nr);
		st->entry_ns = bpf_ktime_get_boot_ns();
		skipped = 1;
	}
	st->in_call = 0;
	spec = spec_of(st->abi, st->nr);
	if (!spec || (!spec->watched && !spec->io))
		return 0;
	if (st->abi == ABI_I386)
		ret = (s32)ret;
	si = mine();
	s = scratch(si);
	run = bpf_map_lookup_elem(&runs, &slot_at);
	if (!s || !run)
		return 0;
	s->slot = slot;
	if (!skipped && spec->io)
		count_io(si, self, st, spec, ret);
	if (skipped) {
		if (!wanted(spec, st, slot))
			return 0;
	} else if (!st->wanted)
		return 0;
	failed_exec = spec->is_exec && (skipped || ret < 0);
	begin(si, self, skipped ? R_SKIPPED : R_LEAVE, spec->kind);
	if (failed_exec) {
		chunks = say_failed_exec(si, self, st, s);
		begin(si, self, skipped ? R_SKIPPED : R_LEAVE, spec->kind);
	}
	if (walled || st->walled)
		s->header.flags = WALLED;
	FIXED(s, leave, leave);
	__builtin_memcpy(leave->args, st->args, sizeof(leave->args));
	leave->nr = st->nr;
	leave->abi = st->abi;
	leave->entry_ns = st->entry_ns;
	leave->ret = ret;
	leave->failed_exec = failed_exec;
	leave->chunks = chunks;
	if (failed_exec) {
		leave->ppid = parent_in(self, settings_at->own_pid_ns);
		leave->env_ppid = parent_in(self, run->pid_ns);
	}
	s->index = (u32)ret;
	takes(si, self, tid, skipped ? 0 : ret >= 0 || ret < -4095 ? 1 : 2);
	if (failed_exec) {
		cwd_object(si, self);
		creds_item(si, self);
		stdio_objects(si, self);
	}
	emit(si, slot);
	return 0;
}

SEC("tp_btf/task_newtask")
int on_task_newtask(u64 *ctx)
{
	struct task_struct *child = (void *)ctx[0];
	struct config *c = settings();
	u64 newborn = number(ctx, 0);
	struct scratch *s;
	struct run *run;
	u32 si, slot_at, own;
	int slot;

	if (!c || !c->active)
		return 0;
	slot = run_of(c, child);
	if (slot < 0)
		return 0;
	slot_at = slot;
	struct state blank = { .slot = slot_at, .key = child->pid, .fresh = 1 };
	u32 child_tid = blank.key;

	if (bpf_map_update_elem(&states, &child_tid, &blank, 0))
		map_full(slot);
	si = mine();
	s = scratch(si);
	run = bpf_map_lookup_elem(&runs, &slot_at);
	if (!s || !run)
		return 0;
	own = c->own_pid_ns;
	begin(si, bpf_get_current_task(), R_BIRTH, c->kind_fork);
	FIXED(s, birth, birth);
	birth->start_ns = BPF_CORE_READ((struct task_struct *)newborn, group_leader, start_boottime);
	birth->flags = ctx[1];
	birth->tgid = pid_in((u64)BPF_CORE_READ((struct task_struct *)newborn, group_leader), own);
	birth->tid = pid_in(newborn, own);
	birth->env_tgid = pid_in((u64)BPF_CORE_READ((struct task_struct *)newborn, group_leader), run->pid_ns);
	birth->env_tid = pid_in(newborn, run->pid_ns);
	birth->io_worker = !!(child->flags & PF_IO_WORKER);
	emit(si, slot);
	return 0;
}

SEC("tp_btf/sched_process_exec")
int on_exec(u64 *ctx)
{
	struct task_struct *task = (void *)ctx[0];
	struct linux_binprm *bprm = (void *)number(ctx, 2);
	struct config *c = settings();
	u64 self = number(ctx, 0);
	struct mm_struct *mm;
	struct state *st;
	struct scratch *s;
	struct run *run;
	u32 si, slot_at, old = ctx[1], now, chunks;
	u64 arg_start, arg_end, env_start, env_end;
	int slot;

	if (!c || !c->active)
		return 0;
	slot = run_of(c, task);
	if (slot < 0)
		return 0;
	slot_at = slot;
	si = mine();
	s = scratch(si);
	run = bpf_map_lookup_elem(&runs, &slot_at);
	if (!s || !run)
		return 0;
	now = task->pid;
	if (old != now) {
		/* a thread took the place of its leader */
		st = bpf_map_lookup_elem(&states, &old);
		if (st) {
			struct state moved = *st;

			moved.key = now;
			bpf_map_delete_elem(&states, &old);
			bpf_map_update_elem(&states, &now, &moved, 0);
		}
	}
	st = bpf_map_lookup_elem(&states, &now);
	if (st)
		st->wanted = 0; /* its return says nothing more */
	s->slot = slot;
	io_sweep(si, self, 0, 0xfffffffe, 0);
	mm = BPF_CORE_READ((struct task_struct *)self, mm);
	arg_start = BPF_CORE_READ(mm, arg_start);
	arg_end = BPF_CORE_READ(mm, arg_end);
	env_start = BPF_CORE_READ(mm, env_start);
	env_end = BPF_CORE_READ(mm, env_end);
	begin(si, self, R_EXEC, c->kind_exec);
	s->chunks = 0;
	copy_area(si, 0, arg_start, arg_end);
	copy_area(si, 1, env_start, env_end);
	chunks = s->chunks;
	begin(si, self, R_EXEC, c->kind_exec);
	FIXED(s, exec, exec);
	exec->old_tid = old;
	exec->ppid = parent_in(self, c->own_pid_ns);
	exec->env_ppid = parent_in(self, run->pid_ns);
	exec->argc = BPF_CORE_READ(bprm, argc);
	exec->envc = BPF_CORE_READ(bprm, envc);
	exec->arg_bytes = arg_end - arg_start;
	exec->env_bytes = env_end - env_start;
	exec->chunks = chunks;
	kernel_string(si, (u64)BPF_CORE_READ(bprm, filename));
	kernel_string(si, (u64)BPF_CORE_READ(bprm, interp));
	file_object(si, self, (u64)BPF_CORE_READ(mm, exe_file));
	cwd_object(si, self);
	creds_item(si, self);
	stdio_objects(si, self);
	emit(si, slot);
	return 0;
}

SEC("tp_btf/sched_process_exit")
int on_exit(u64 *ctx)
{
	struct task_struct *task = (void *)ctx[0];
	struct config *c = settings();
	u64 self = number(ctx, 0);
	struct files_struct *files;
	struct state *st;
	struct scratch *s;
	u32 si, tid, in_call = 0;
	int slot;

	if (!c || !c->active)
		return 0;
	slot = run_of(c, task);
	if (slot < 0)
		return 0;
	si = mine();
	s = scratch(si);
	if (!s)
		return 0;
	tid = task->pid;
	st = bpf_map_lookup_elem(&states, &tid);
	if (st)
		in_call = st->in_call && st->wanted;
	s->slot = slot;
	files = BPF_CORE_READ((struct task_struct *)self, files);
	/* The last user of the table, or the last thread: two that end at once each see the other's use of it. */
	if (files && (BPF_CORE_READ(files, count.counter) == 1 ||
		      BPF_CORE_READ((struct task_struct *)self, signal, live.counter) == 0)) {
		u64 key = (u64)files;

		io_sweep(si, self, 0, 0xfffffffe, 1);
		bpf_map_delete_elem(&io_files, &key);
	}
	begin(si, self, R_EXIT, c->kind_exit);
	FIXED(s, exit, exit);
	exit->status = task->exit_code;
	exit->process_ended = BPF_CORE_READ((struct task_struct *)self, signal, live.counter) == 0;
	exit->in_call = in_call;
	if (exit->process_ended) {
		struct cpu_time cpu = {};

		process_time(&cpu, self);
		exit->cpu_known = cpu.known;
		exit->cpu_ns = cpu.total;
	}
	emit(si, slot);
	bpf_map_delete_elem(&states, &tid);
	return 0;
}

struct small {
	struct header header;
	s32 a;
	s32 b;
};

/* Records of hooks that may interrupt the others: they don't touch the scratch buffer. */
static __always_inline void say_small(struct config *c, u64 at, u32 slot, u16 type, u16 kind, s32 a,
				      s32 b, u32 flags)
{
	struct small small = {};
	struct task_struct *task = (void *)at;

	small.header.boot_ns = bpf_ktime_get_boot_ns();
	small.header.type = type;
	small.header.kind = kind;
	small.header.tid = c->own_pid_ns ? pid_in(at, c->own_pid_ns) : BPF_CORE_READ(task, pid);
	small.header.tgid = c->own_pid_ns ? pid_in((u64)BPF_CORE_READ(task, group_leader), c->own_pid_ns) : BPF_CORE_READ(task, tgid);
	small.header.euid = BPF_CORE_READ(task, cred, euid.val);
	small.header.fixed = 8;
	small.header.flags = flags;
	small.a = a;
	small.b = b;
	send(slot, kind, &small.header, sizeof(small));
}

SEC("tp_btf/signal_generate")
int on_signal(u64 *ctx)
{
	struct config *c = settings();
	int signal = ctx[0], code = 0x80, slot;
	struct kernel_siginfo *info = (void *)number(ctx, 1);
	struct task_struct *task = (void *)ctx[2];

	if (!c || !c->active)
		return 0;
	if (signal == 17 || (int)ctx[4] != 0)
		return 0;
	slot = run_of(c, task);
	if (slot < 0)
		return 0;
	if ((u64)info > 1) {
		code = BPF_CORE_READ(info, si_code);
		if (code <= 0)
			return 0;
	}
	say_small(c, number(ctx, 2), slot, R_SIGNAL, c->kind_signal, signal, code,
		  signal == SIGKILL && number(ctx, 2) == bpf_get_current_task() && doomed(slot) ? WALLED : 0);
	return 0;
}

SEC("tp_btf/cgroup_attach_task")
int on_cgroup_attach(u64 *ctx)
{
	struct config *c = settings();
	struct task_struct *task = (void *)ctx[2];
	struct state *st;
	u32 tid;
	int slot;

	if (!c || !c->active)
		return 0;
	slot = run_of(c, task);
	tid = task->pid;
	st = bpf_map_lookup_elem(&states, &tid);
	if (slot >= 0 && !st) {
		say_small(c, number(ctx, 2), slot, R_MOVE, c->kind_move, 1, 0, 0);
	} else if (slot < 0 && st) {
		say_small(c, number(ctx, 2), st->slot, R_MOVE, c->kind_move, 0, 0, 0);
		bpf_map_delete_elem(&states, &tid);
	}
	return 0;
}

#include "uring.h"

/* Run by user space when all is over: the last record of a run. */
SEC("raw_tp/sentinel")
int sentinel(u64 *ctx)
{
	struct small small = {};
	u32 slot = ctx[0];

	small.header.boot_ns = bpf_ktime_get_boot_ns();
	small.header.type = R_SENTINEL;
	small.header.kind = KINDS - 1;
	small.header.fixed = 8;
	if (slot >= RUNS)
		return 1;
	return send(slot, KINDS - 1, &small.header, sizeof(small)) ? 2 : 0;
}
