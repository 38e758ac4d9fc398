/* What goes over the ring, and the maps' values: `src/ebpf/wire.rs` says the same in Rust. */
#pragma once

#define RUNS 64
#define KINDS 80
#define LEVELS 4

enum record_type {
	R_BIRTH = 1, R_EXEC, R_EXIT, R_ENTER, R_LEAVE, R_SKIPPED, R_IO_OBJECT, R_IO, R_SIGNAL, R_URING_SUBMIT,
	R_URING_DONE, R_MOVE, R_CHUNK, R_SENTINEL,
};

/* Flags of a record: Detektr's own wall acted. */
#define WALLED 1

/* Every record begins so; items follow. */
struct header {
	u64 seq;
	u64 boot_ns;
	u16 type;
	u16 kind;
	u32 tgid;
	u32 tid;
	u32 euid;
	u32 fixed; /* bytes of the fixed part after the header */
	u32 flags;
};

enum item_tag { I_NOTHING = 0, I_STRING, I_BYTES, I_OBJECT, I_CREDS };
enum item_status { WHOLE = 0, TRUNCATED, NOT_RESIDENT };

struct item {
	u16 tag;
	u16 status;
	u32 len;
};

#define O_UNLINKED 1
#define O_INTERNAL 2 /* on a mount of the kernel's own: pipes, sockets, memfd */
#define O_TRUNCATED 4
#define O_DETACHED 8 /* the walk ended in no namespace's root */
#define O_ROOT 16 /* the root's path follows */

/* Then the path's names, last first, each ended by a NUL; then the root's, the same way. */
struct object {
	u64 dev;
	u64 ino;
	u32 mode;
	u32 mount_namespace;
	u32 flags;
	u32 path_len;
	u32 root_len;
	u32 spare;
	char fs[16];
};

/* The own end of a socket, as an item of bytes; the port in the host's order. */
struct local_end {
	u16 protocol, family, port, spare;
	u8 address[16];
};

struct credentials {
	u32 uids[4];
	u32 gids[4];
	u64 caps[5];
};

enum take_op {
	T_NONE = 0, T_STR, T_DIR, T_CWD, T_FD, T_RETFD, T_BYTES, T_SIZED, T_ADDRESS_OUT, T_MESSAGE_NAME,
	T_SOCKETCALL_ARGS, T_SOCKETCALL_ADDRESS, T_CREDS, T_LOCAL_END, T_SOCKETCALL_LOCAL_END,
	T_WORD_FD,
};
struct take {
	u8 op;
	u8 a;
	u8 b;
	u8 spare;
	u32 len;
};
enum spec_filter { F_NONE = 0, F_PROT_EXEC, F_PRCTL, F_ARG4, F_MESSAGE_NAME, F_OLD_MMAP };
enum io_op { IO_NONE = 0, IO_COUNT, IO_CLOSE, IO_CLOSE_RANGE, IO_MMAP, IO_OLD_MMAP };
#define NO_ARG 0xff
enum connects { CONNECTS = 1, SOCKETCALLS };
struct spec {
	u8 watched;
	u8 kind;
	u8 filter;
	u8 optional;
	u8 is_exec;
	u8 is_fork;
	u8 io;
	u8 io_in;
	u8 io_out;
	u8 connects; /* CONNECTS or SOCKETCALLS */
	u8 spare[6];
	struct take takes[4];
};

struct config {
	u32 active; /* runs being watched */
	u32 levels[LEVELS]; /* cgroup levels in use, 0: none */
	u32 own_pid_ns; /* 0: the first */
	u32 kind_fork, kind_exec, kind_exit, kind_write, kind_signal, kind_uring, kind_move;
	u32 refuses; /* AF_VSOCK is refused by a program: nobody need be killed */
};

struct run {
	u64 seq;
	u64 map_full;
	u32 pid_ns;
	u32 observe_stat;
	u64 chunk_dropped;
};

struct count {
	u64 attempted;
	u64 emitted;
	u64 dropped;
};

struct enter {
	u64 args[6];
	u32 nr;
	u32 abi;
};
struct leave {
	u64 args[6];
	u32 nr;
	u32 abi;
	u64 entry_ns;
	s64 ret;
	u32 ppid;
	u32 env_ppid;
	u32 failed_exec;
	u32 chunks;
};
struct birth {
	u64 start_ns;
	u64 flags;
	u32 tgid, tid, env_tgid, env_tid;
	u32 io_worker;
	u32 spare;
};
struct exec {
	u32 old_tid, ppid, env_ppid, argc;
	u64 arg_bytes, env_bytes;
	u32 chunks;
	u32 envc;
};
struct exit {
	s32 status;
	u32 process_ended;
	u32 in_call;
	u32 cpu_known;
	u64 cpu_ns; /* of the whole process, where it ended */
};
struct io_sum {
	u64 files;
	u64 file;
	u32 fd;
	u32 mapped;
	u64 written, writes, read;
};
struct uring {
	u64 request;
	s32 fd;
	s32 result;
	u32 opcode;
	s32 domain; /* of a socket to be made, else 0 */
};
/* A piece of argv (list 0) or env (list 1); `hole`: a string there could not be read. */
struct chunk {
	u32 list;
	u32 hole;
	u32 len;
	u32 spare;
};
