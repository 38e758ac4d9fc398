/* Refuses AF_VSOCK to the processes of a run, where the kernel takes a program that answers for a function (fmod_ret):
 * the one wall that no argument in memory gets round. It is a file of its own, since the loader for the others knows
 * no such programs; `src/ebpf/refuse.rs` loads it with their maps. */
#include "scope.h"

#define AF_VSOCK 40
#define EAFNOSUPPORT 97

char _license[] SEC("license") = "GPL";

/* The section's name is one that the parser knows. */
SEC("fentry/security_socket_create")
int refuse_vsock(u64 *ctx)
{
	struct config *c;
	struct state *st;
	u32 tid;

	if ((s32)ctx[0] != AF_VSOCK)
		return 0;
	c = settings();
	if (!c || !c->active || run_of_current(c) < 0)
		return 0;
	tid = bpf_get_current_pid_tgid();
	st = bpf_map_lookup_elem(&states, &tid);
	if (st)
		st->walled = 1;
	return -EAFNOSUPPORT;
}
