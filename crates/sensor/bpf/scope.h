/* Who is watched: the maps that say which processes belong to a run, for all programs of the sensor. */
#pragma once
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include "wire.h"

struct state {
	u64 entry_ns;
	u64 args[6];
	u32 nr;
	u32 abi;
	u32 slot;
	u8 in_call;
	u8 fresh; /* a child that has not returned from the call that made it */
	u8 wanted; /* the call in progress goes to user space */
	u8 walled; /* the call in progress was refused by the wall */
	u32 key;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct config);
} config SEC(".maps");

/* cgroup id to run */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, RUNS);
	__type(key, u64);
	__type(value, u32);
} cgroups SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 32768);
	__type(key, u32);
	__type(value, struct state);
} states SEC(".maps");

static __always_inline struct config *settings(void)
{
	u32 zero = 0;

	return bpf_map_lookup_elem(&config, &zero);
}

/* The run that the task that runs now belongs to, or -1: the way of every call on the host, one helper a level. */
static __always_inline int run_of_current(struct config *c)
{
#pragma unroll
	for (int i = 0; i < LEVELS; i++) {
		u32 wanted = c->levels[i];
		u32 *slot;
		u64 id;

		if (!wanted)
			return -1;
		id = bpf_get_current_ancestor_cgroup_id(wanted);
		if (!id)
			continue;
		slot = bpf_map_lookup_elem(&cgroups, &id);
		if (slot)
			return *slot;
	}
	return -1;
}
