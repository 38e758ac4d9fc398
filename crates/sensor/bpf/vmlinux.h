/* The kernel's types that the programs use, reduced by hand from
 * `bpftool btf dump file /sys/kernel/btf/vmlinux format c`. Only names and types of members matter: every
 * access is relocated against the running kernel's BTF, so offsets and left-out members don't. */
#pragma once

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef signed char s8;
typedef short s16;
typedef int s32;
typedef long long s64;
typedef u8 __u8;
typedef u16 __u16;
typedef u32 __u32;
typedef u64 __u64;
typedef s32 __s32;
typedef s64 __s64;
typedef u16 __be16;
typedef u32 __be32;
typedef u32 __wsum;
typedef _Bool bool;

enum bpf_map_type {
	BPF_MAP_TYPE_HASH = 1,
	BPF_MAP_TYPE_ARRAY = 2,
	BPF_MAP_TYPE_ARRAY_OF_MAPS = 12,
	BPF_MAP_TYPE_RINGBUF = 27,
};

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct thread_info { unsigned long flags; u32 status; };
struct pt_regs {
	unsigned long r10, r9, r8, bx, cx, dx, si, di, bp, ax, orig_ax, ip, sp;
};
struct ns_common { unsigned int inum; };
struct pid_namespace { unsigned int level; struct ns_common ns; };
struct upid { int nr; struct pid_namespace *ns; };
struct pid { unsigned int level; struct upid numbers[1]; };
struct kernfs_node { u64 id; };
struct cgroup { int level; struct kernfs_node *kn; struct cgroup *ancestors[1]; };
struct css_set { struct cgroup *dfl_cgrp; };
typedef struct { u32 val; } kuid_t;
typedef struct { u32 val; } kgid_t;
struct kernel_cap_any { u64 val; };
typedef struct { u64 val; } kernel_cap_t;
struct cred {
	kuid_t uid; kgid_t gid; kuid_t suid; kgid_t sgid; kuid_t euid; kgid_t egid; kuid_t fsuid; kgid_t fsgid;
	kernel_cap_t cap_inheritable, cap_permitted, cap_effective, cap_bset, cap_ambient;
};
struct file_system_type { const char *name; };
struct dentry;
struct super_block { u32 s_dev; struct file_system_type *s_type; unsigned long s_magic; };
struct inode { u16 i_mode; struct super_block *i_sb; unsigned long i_ino; unsigned int i_nlink; };
struct qstr { u32 len; const unsigned char *name; };
struct hlist_bl_node { struct hlist_bl_node **pprev; };
struct dentry { struct hlist_bl_node d_hash; struct dentry *d_parent; struct qstr d_name; struct inode *d_inode; };
struct vfsmount { struct dentry *mnt_root; };
struct mnt_namespace { struct ns_common ns; };
struct mount { struct mount *mnt_parent; struct dentry *mnt_mountpoint; struct vfsmount mnt; struct mnt_namespace *mnt_ns; };
struct path { struct vfsmount *mnt; struct dentry *dentry; };
struct file { void *private_data; struct path f_path; struct inode *f_inode; unsigned int f_flags; unsigned int f_mode; };
typedef struct { int counter; } atomic_t;
struct fdtable { unsigned int max_fds; struct file **fd; };
struct files_struct { atomic_t count; struct fdtable *fdt; };
struct fs_struct { struct path root, pwd; };
struct mm_struct { unsigned long arg_start, arg_end, env_start, env_end; struct file *exe_file; };
struct nsproxy { struct mnt_namespace *mnt_ns; };
struct list_head { struct list_head *next; };
struct sched_entity { u64 sum_exec_runtime; };
typedef struct { unsigned int sequence; } seqcount_t;
typedef struct { seqcount_t seqcount; } seqcount_spinlock_t;
typedef struct { seqcount_spinlock_t seqcount; } seqlock_t;
struct signal_struct {
	atomic_t live;
	struct list_head thread_head;
	seqlock_t stats_lock;
	unsigned long long sum_sched_runtime;
};
struct task_struct {
	struct thread_info thread_info;
	unsigned int flags;
	struct sched_entity se;
	struct mm_struct *mm;
	int exit_code;
	int pid, tgid;
	struct task_struct *real_parent, *group_leader;
	struct pid *thread_pid;
	u64 start_boottime;
	const struct cred *cred;
	struct fs_struct *fs;
	struct files_struct *files;
	struct nsproxy *nsproxy;
	struct signal_struct *signal;
	struct list_head thread_node;
	struct css_set *cgroups;
};
struct linux_binprm { int argc, envc; const char *filename, *interp; };
struct kernel_siginfo { int si_signo, si_errno, si_code; };
struct filename { const char *name; };
struct in6_addr { u8 bytes[16]; };
struct sock_common { u32 skc_rcv_saddr; u16 skc_family; u16 skc_num; struct in6_addr skc_v6_rcv_saddr; };
struct sock { struct sock_common __sk_common; u16 sk_protocol; };
struct socket { struct sock *sk; };
struct io_cqe { int fd; };
struct io_kiocb { struct file *file; u8 opcode; struct io_cqe cqe; };
struct io_uring_cqe { s32 res; };
struct io_rename { int old_dfd, new_dfd; struct filename *oldpath, *newpath; };
struct io_link { int old_dfd, new_dfd; struct filename *oldpath, *newpath; };
struct io_open { int dfd; struct filename *filename; };
struct io_unlink { int dfd; struct filename *filename; };
struct io_mkdir { int dfd; struct filename *filename; };
struct io_connect { void *addr; int addr_len; };
struct io_close { int fd; };
struct io_socket { int domain; };

#pragma clang attribute pop
