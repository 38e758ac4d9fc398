/* Kernel objects behind descriptors and paths: what they are and where they lie, from the kernel's own
 * structures. */
#pragma once
#include "scratch.h"

static __always_inline int bad(u64 pointer)
{
	return pointer < 4096 || pointer >= (u64)-4096;
}

/* One step of the walk towards the root of the mount namespace. */
static long step(u32 i, u32 *si)
{
	struct scratch *s = scratch(*si);
	struct dentry *dentry, *parent, *root;
	struct mount *mount, *above;
	u32 len, max;

	if (!s)
		return 1;
	dentry = (void *)s->dentry;
	mount = (void *)s->mount;
	root = BPF_CORE_READ(mount, mnt.mnt_root);
	parent = BPF_CORE_READ(dentry, d_parent);
	if (dentry == root) {
		above = BPF_CORE_READ(mount, mnt_parent);
		if (above == mount || !above) {
			s->walk_done = 1;
			return 1;
		}
		s->dentry = (u64)BPF_CORE_READ(mount, mnt_mountpoint);
		s->mount = (u64)above;
		return 0;
	}
	if (dentry == parent || !parent) {
		/* outside of the mount's own tree: no way up */
		s->walk_flags |= O_DETACHED;
		s->walk_done = 1;
		return 1;
	}
	len = BPF_CORE_READ(dentry, d_name.len);
	max = len > 255 ? 255 : len;
	asm volatile("%0 &= 0xff" : "+r"(max));
	if (s->walk_len + max + 1 > STRING_MAX) {
		s->walk_flags |= O_TRUNCATED;
		s->walk_done = 1;
		return 1;
	}
	u8 *to = at(s);

	bpf_probe_read_kernel(to, max, BPF_CORE_READ(dentry, d_name.name));
	to[max] = 0;
	s->off += max + 1;
	s->walk_len += max + 1;
	s->dentry = (u64)parent;
	return 0;
}

/* Appends the names from `dentry` up. */
__noinline int walk(u32 si, u64 mount, u64 dentry)
{
	struct scratch *s = scratch(si);

	if (!s)
		return 0;
	s->dentry = dentry;
	s->mount = mount;
	s->walk_len = 0;
	s->walk_flags = 0;
	s->walk_done = 0;
	bpf_loop(2300, step, &si, 0);
	if (!s->walk_done)
		s->walk_flags |= O_TRUNCATED;
	return s->walk_len;
}

/* Appends an object item for (vfsmount, dentry) as `task` sees it. */
__noinline int object(u32 si, u64 task, u64 vfsmount, u64 dentry_at, u64 inode_at)
{
	struct scratch *s = scratch(si);
	struct task_struct *t = (void *)task;
	struct dentry *dentry = (void *)dentry_at;
	struct inode *inode = (void *)inode_at;
	u64 mount_at = vfsmount - bpf_core_field_offset(struct mount, mnt);
	struct mount *mount = (void *)mount_at;
	struct super_block *sb;
	struct object *o;
	u32 off, flags = 0, len;
	u64 ns;

	if (!s)
		return 0;
	if (bad(vfsmount) || bad(dentry_at) || s->off >= BUF_FULL) {
		nothing(s);
		return 0;
	}
	if (!inode)
		inode = BPF_CORE_READ(dentry, d_inode);
	open_item(s, I_OBJECT, WHOLE);
	off = s->off;
	o = at(s);
	sb = BPF_CORE_READ(inode, i_sb);
	o->dev = BPF_CORE_READ(sb, s_dev);
	o->ino = BPF_CORE_READ(inode, i_ino);
	o->mode = BPF_CORE_READ(inode, i_mode);
	__builtin_memset(o->fs, 0, sizeof(o->fs));
	bpf_probe_read_kernel_str(o->fs, sizeof(o->fs), BPF_CORE_READ(sb, s_type, name));
	o->mount_namespace = 0;
	o->spare = 0;
	ns = (u64)BPF_CORE_READ(mount, mnt_ns);
	if (ns && ns >= (u64)-4096)
		flags |= O_INTERNAL;
	else if (ns)
		o->mount_namespace = BPF_CORE_READ((struct mnt_namespace *)ns, ns.inum);
	else
		flags |= O_DETACHED;
	if (!BPF_CORE_READ(inode, i_nlink) || !BPF_CORE_READ(dentry, d_hash.pprev)) {
		struct dentry *root = BPF_CORE_READ(mount, mnt.mnt_root);

		if (root != dentry)
			flags |= O_UNLINKED;
	}
	o->root_len = 0;
	s->off += sizeof(*o);
	if (flags & O_INTERNAL) {
		len = BPF_CORE_READ(dentry, d_name.len);
		if (len > 255)
			len = 255;
		asm volatile("%0 &= 0xff" : "+r"(len));
		u8 *to = at(s);

		bpf_probe_read_kernel(to, len, BPF_CORE_READ(dentry, d_name.name));
		to[len] = 0;
		s->off += len + 1;
		len++;
	} else {
		len = walk(si, mount_at, dentry_at);
		flags |= s->walk_flags;
		struct fs_struct *fs = BPF_CORE_READ(t, fs);
		u64 root_mnt = (u64)BPF_CORE_READ(fs, root.mnt), root_dentry = (u64)BPF_CORE_READ(fs, root.dentry);

		if (!bad(root_mnt) && !bad(root_dentry)) {
			u32 root_len = walk(si, root_mnt - bpf_core_field_offset(struct mount, mnt), root_dentry);

			asm volatile("%0 &= 0xffff" : "+r"(off));
			((struct object *)(s->buf + off))->root_len = root_len;
			if (root_len)
				flags |= O_ROOT;
		}
	}
	asm volatile("%0 &= 0xffff" : "+r"(off));
	o = (void *)(s->buf + off);
	o->path_len = len;
	o->flags = flags;
	close_item(s);
	return 0;
}

/* The open file behind `fd` of `task`, or 0. */
__noinline u64 file_of(u64 task, u32 fd)
{
	struct task_struct *t = (void *)task;
	struct fdtable *table = BPF_CORE_READ(t, files, fdt);
	struct file **slots;
	u64 file = 0;

	if (!table || fd >= BPF_CORE_READ(table, max_fds))
		return 0;
	slots = BPF_CORE_READ(table, fd);
	bpf_probe_read_kernel(&file, sizeof(file), slots + fd);
	return file;
}

__noinline int file_object(u32 si, u64 task, u64 file_at)
{
	struct file *file = (void *)file_at;
	struct scratch *s = scratch(si);

	if (!s)
		return 0;
	if (bad(file_at)) {
		nothing(s);
		return 0;
	}
	return object(si, task, (u64)BPF_CORE_READ(file, f_path.mnt), (u64)BPF_CORE_READ(file, f_path.dentry),
		      (u64)BPF_CORE_READ(file, f_inode));
}

__noinline int cwd_object(u32 si, u64 task)
{
	struct task_struct *t = (void *)task;
	struct fs_struct *fs = BPF_CORE_READ(t, fs);

	return object(si, task, (u64)BPF_CORE_READ(fs, pwd.mnt), (u64)BPF_CORE_READ(fs, pwd.dentry), 0);
}

/* The base of a path call. */
static __always_inline int dir_object(u32 si, u64 task, s32 fd)
{
	if (fd == -100)
		return cwd_object(si, task);
	return file_object(si, task, file_of(task, fd));
}

__noinline int creds_item(u32 si, u64 task)
{
	struct scratch *s = scratch(si);
	struct task_struct *t = (void *)task;
	const struct cred *cred = BPF_CORE_READ(t, cred);
	struct credentials *c;

	if (!s || s->off >= BUF_FULL)
		return 0;
	open_item(s, I_CREDS, WHOLE);
	c = at(s);
	c->uids[0] = BPF_CORE_READ(cred, uid.val);
	c->uids[1] = BPF_CORE_READ(cred, euid.val);
	c->uids[2] = BPF_CORE_READ(cred, suid.val);
	c->uids[3] = BPF_CORE_READ(cred, fsuid.val);
	c->gids[0] = BPF_CORE_READ(cred, gid.val);
	c->gids[1] = BPF_CORE_READ(cred, egid.val);
	c->gids[2] = BPF_CORE_READ(cred, sgid.val);
	c->gids[3] = BPF_CORE_READ(cred, fsgid.val);
	/* two u32 until 6.2, one u64 since: the same bytes here */
	bpf_probe_read_kernel(&c->caps[0], 8, &cred->cap_inheritable);
	bpf_probe_read_kernel(&c->caps[1], 8, &cred->cap_permitted);
	bpf_probe_read_kernel(&c->caps[2], 8, &cred->cap_effective);
	bpf_probe_read_kernel(&c->caps[3], 8, &cred->cap_bset);
	bpf_probe_read_kernel(&c->caps[4], 8, &cred->cap_ambient);
	s->off += sizeof(*c);
	close_item(s);
	return 0;
}

/* A string of the kernel's. */
__noinline int kernel_string(u32 si, u64 from)
{
	struct scratch *s = scratch(si);
	long len;

	if (!s)
		return 0;
	if (!from || s->off >= BUF_FULL) {
		nothing(s);
		return 0;
	}
	open_item(s, I_STRING, WHOLE);
	len = bpf_probe_read_kernel_str(at(s), STRING_MAX, (void *)from);
	if (len > 0)
		s->off += len;
	close_item(s);
	return 0;
}
