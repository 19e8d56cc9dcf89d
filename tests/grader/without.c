/* without.c: runs a command where the kernel seems to lack something, so that the grader can be tried there.
   without landlock,ptrace,seccomp COMMAND ...   any of them, with commas.  Exit status 77: this cannot be done here. */
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#ifdef __linux__
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

static struct sock_filter line[32];
static unsigned short lines;
static void emit(unsigned code, unsigned k, int yes, int no)
{
    struct sock_filter l = { (unsigned short)code, (unsigned char)yes, (unsigned char)no, k };
    line[lines++] = l;
}
static void refuse(unsigned call, unsigned error)
{
    emit(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1);
    emit(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error, 0, 0);
}

int main(int argc, char **argv)
{
    if (argc < 3) return 2;
    emit(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr), 0, 0);
    if (strstr(argv[1], "landlock")) for (unsigned call = 444; call <= 446; call++) refuse(call, ENOSYS);
    if (strstr(argv[1], "ptrace")) refuse(SYS_ptrace, EPERM);
    if (strstr(argv[1], "seccomp")) {
        emit(BPF_JMP | BPF_JEQ | BPF_K, SYS_prctl, 0, 3);
        emit(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args), 0, 0);
        refuse(PR_SET_SECCOMP, EINVAL);
    }
    emit(BPF_RET | BPF_K, SECCOMP_RET_ALLOW, 0, 0);
    struct sock_fprog all = { lines, line };
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &all)) return 77;
    execvp(argv[2], argv + 2);
    return 2;
}
#else
int main(void) { return 77; }
#endif
