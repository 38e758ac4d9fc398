/* The CPU time of a whole process: what its released threads left, and what each of the others has. */
#pragma once
#include "scratch.h"

#define THREADS_MAX (1 << 17)
#define TRIES 64

struct cpu_time {
	u64 signal; /* what the process's threads share */
	u64 head, at; /* the list of its threads, and the place in it */
	u64 total;
	u32 known;
	u32 spare;
};

static long add_thread(u32 index, void *context)
{
	struct cpu_time *cpu = context;
	struct list_head *at = (void *)cpu->at;
	struct task_struct *task;

	if (!cpu->at || cpu->at == cpu->head) {
		cpu->known = cpu->at == cpu->head;
		return 1;
	}
	task = (void *)(cpu->at - bpf_core_field_offset(struct task_struct, thread_node));
	cpu->total += BPF_CORE_READ(task, se.sum_exec_runtime);
	cpu->at = (u64)BPF_CORE_READ(at, next);
	return 0;
}

/* A thread that is released meanwhile goes from the list to the sum, under a lock whose count tells of it. */
static long try_time(u32 index, void *context)
{
	struct cpu_time *cpu = context;
	struct signal_struct *signal = (void *)cpu->signal;
	u32 before = BPF_CORE_READ(signal, stats_lock.seqcount.seqcount.sequence);

	if (before & 1)
		return 0;
	cpu->known = 0;
	cpu->total = BPF_CORE_READ(signal, sum_sched_runtime);
	cpu->head = cpu->signal + bpf_core_field_offset(struct signal_struct, thread_head);
	cpu->at = (u64)BPF_CORE_READ(signal, thread_head.next);
	bpf_loop(THREADS_MAX, add_thread, cpu, 0);
	if (cpu->known && BPF_CORE_READ(signal, stats_lock.seqcount.seqcount.sequence) == before)
		return 1;
	cpu->known = 0;
	return 0;
}

static __always_inline void process_time(struct cpu_time *cpu, u64 task)
{
	cpu->signal = (u64)BPF_CORE_READ((struct task_struct *)task, signal);
	bpf_loop(TRIES, try_time, cpu, 0);
}
