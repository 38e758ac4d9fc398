/* Programs for the ebpf sensor's tests: each act makes calls that the test knows. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <unistd.h>

static int files(const char *dir)
{
	char buffer[64];

	if (chdir(dir))
		return 1;
	int fd = open("a", O_CREAT | O_RDWR, 0640);
	if (write(fd, "hello ", 6) != 6 || pwrite(fd, "world", 5, 6) != 5)
		return 2;
	if (pread(fd, buffer, 4, 0) != 4)
		return 3;
	close(fd);
	rename("a", "b");
	mkdir("d", 0700);
	symlink("b", "s");
	link("b", "d/l");
	chmod("b", 0600);
	truncate("b", 3);
	unlink("missing");
	unlink("s");
	fd = open("b", O_RDWR);
	char *map = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		return 4;
	map[0] = 'H';
	munmap(map, 4096);
	int copy = dup(fd);
	if (write(copy, "x", 1) != 1)
		return 5;
	unlink("b");
	return 0; /* both stay open until the exit */
}

static int network(void)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(9) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	inet_pton(AF_INET, "127.0.0.1", &to.sin_addr);
	connect(fd, (void *)&to, sizeof(to));
	bind(fd, (void *)&to, 3);
	int udp = socket(AF_INET, SOCK_DGRAM, 0);
	sendto(udp, "x", 1, 0, (void *)&to, sizeof(to));
	return 0;
}

static int processes(int count)
{
	for (int i = 0; i < count; i++) {
		pid_t child = i % 2 ? vfork() : fork();

		if (child < 0)
			return 1;
		if (child == 0)
			_exit(i & 127);
		if (waitpid(child, 0, 0) != child)
			return 2;
	}
	return 0;
}

static void *from_thread(void *argument)
{
	char *argv[] = { argument, "done", 0 };

	execv(argument, argv);
	return 0;
}

static int denied(const char *path)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_unlink, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EACCES),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { 4, code };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
		return 1;
	return syscall(__NR_unlink, path) == -1 && errno == EACCES ? 0 : 2;
}

int main(int argc, char **argv)
{
	const char *act = argc > 1 ? argv[1] : "";

	if (!strcmp(act, "files"))
		return files(argv[2]);
	if (!strcmp(act, "network"))
		return network();
	if (!strcmp(act, "processes"))
		return processes(atoi(argv[2]));
	if (!strcmp(act, "denied"))
		return denied(argv[2]);
	if (!strcmp(act, "block"))
		return open(argv[2], O_RDONLY); /* a FIFO without a writer */
	if (!strcmp(act, "open"))
		return open(argv[2], O_RDONLY) < 0;
	if (!strcmp(act, "credentials")) {
		char *gone[] = { strdup("gone"), strdup("x"), 0 };

		if (setresgid(5, 6, 7) || setresuid(1, 2, 3))
			return 1;
		execv(strdup("/no/such/program"), gone);
		return 0;
	}
	if (!strcmp(act, "thread-exec")) {
		pthread_t thread;

		pthread_create(&thread, 0, from_thread, argv[0]);
		for (;;)
			pause();
	}
	if (!strcmp(act, "chroot")) {
		if (chroot(argv[2]) || chdir("/"))
			return 1;
		return open("/inner", O_CREAT | O_WRONLY, 0600) < 0;
	}
	if (!strcmp(act, "deep")) {
		char name[201];

		memset(name, 'd', 200);
		name[200] = 0;
		if (chdir(argv[2]))
			return 1;
		for (int i = 0; i < 18; i++)
			if (mkdir(name, 0700) || chdir(name))
				return 2;
		return open("leaf", O_CREAT | O_WRONLY, 0600) < 0;
	}
	return 0;
}
