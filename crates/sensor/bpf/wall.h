/* The wall against AF_VSOCK where the kernel takes no program that refuses (`refuse.bpf.c`): who comes to such a
 * socket dies before it can use it, and everybody of its run at the next call. A filter of system calls refuses the
 * plain ways; these are the ones whose arguments it can't see. */
#pragma once
#include "object.h"

#define TS_COMPAT 2
#define SIGKILL 9
#define AF_VSOCK 40
#define SOCKETCALL 102
#define SYS_SOCKET 1
#define SYS_CONNECT 3

/* The address family of the socket behind `file_at`; -1 where that is none. */
__noinline int family_of(u64 file_at)
{
	struct file *file = (void *)file_at;
	struct socket *socket;

	if (bad(file_at) || (BPF_CORE_READ(file, f_inode, i_mode) & 0xf000) != 0xc000)
		return -1;
	socket = BPF_CORE_READ(file, private_data);
	return BPF_CORE_READ(socket, sk, __sk_common.skc_family);
}

/* Ends the process that runs now and, from their next call on, all others of the run. */
static __always_inline void breached(u32 slot)
{
	u32 *doomed = bpf_map_lookup_elem(&doom, &slot);

	if (doomed)
		*doomed = 1;
	bpf_send_signal(SIGKILL);
}

/* Whether the run was breached; then whoever calls is ended, but for the environment's own first process. */
static __always_inline int doomed(u32 slot)
{
	u32 *doomed = bpf_map_lookup_elem(&doom, &slot);

	return doomed && *doomed;
}

__noinline int end(u64 task, u32 slot)
{
	struct run *run = bpf_map_lookup_elem(&runs, &slot);
	struct task_struct *t = (void *)task;

	if (run && pid_in((u64)BPF_CORE_READ(t, group_leader), run->pid_ns) != 1)
		bpf_send_signal(SIGKILL);
	return 0;
}

/* Whether the ia32 call that returned `ret` made such a socket. The answer is the kernel's object, not the arguments:
 * those lie in memory that another thread may write. A descriptor that is gone already, or that is no socket any
 * more, was taken by another thread before its maker could know it: nobody does that who has nothing to hide. */
static __always_inline int made_vsock(struct task_struct *task, u64 self, struct pt_regs *regs, s32 ret, int entered)
{
	int family;

	if (!(task->thread_info.status & TS_COMPAT) || (u32)regs->orig_ax != SOCKETCALL ||
	    (u32)regs->bx != SYS_SOCKET || ret < 0)
		return 0;
	family = family_of(file_of(self, ret));
	return family == AF_VSOCK || (family == -1 && entered);
}
