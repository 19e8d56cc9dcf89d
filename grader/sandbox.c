/* sandbox.c: one command in a process of its own.

   Limits (time, memory, size of files, output) hold on every system.  On Linux, a program that is not a compiler also gets
     - a filter of system calls (seccomp): it may compute, allocate and print.  Whoever opens a file, starts a process, sends
       a signal to another or opens a socket is stopped at that call, before anything happens, and the call is named: we trace
       it (ptrace), which also means that nobody else can;
     - no access to any file (Landlock); a compiler may write into its own folder only, and sees nothing of the grader's folder
       but what a submission is built from.
   The programs are linked statically where that works, so that not even a loader needs to open files; elsewhere we look at each
   name that is opened, and let libraries pass.  None of this needs rights, or namespaces, which many systems keep from users.  The parent hides its
   own memory (PR_SET_DUMPABLE).  Elsewhere, and where the kernel has none of it, the grader says "not sandboxed". */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "sandbox.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int use_seccomp, use_landlock, use_trace, static_link, hidden = -1;
static char description[160] = "not sandboxed";
static const char *home;                          /* the grader's folder */

#if defined __linux__ && (defined __x86_64__ || defined __aarch64__)
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>

/* Where a program that is not linked statically finds its libraries. */
static const char *const libraries[] = { "/lib", "/lib64", "/usr/lib", "/usr/lib64", "/etc/ld.so.cache" };
enum { LIBRARIES = sizeof libraries / sizeof *libraries };

/* ---- Landlock: its header is young, so its few numbers stand here ---- */

enum { LL_EXECUTE = 1, LL_WRITE = 2, LL_READ_FILE = 4, LL_READ_DIR = 8, LL_OF_FILES = 7, LL_ALL_OF_1 = (1 << 13) - 1 };
struct ll_rules { uint64_t files, net, scoped; };
struct ll_beneath { uint64_t allowed; int32_t folder; } __attribute__((packed));

static void ll_allow(int rules, const char *path, uint64_t what)
{
    struct ll_beneath b = { what, open(path, O_PATH | O_CLOEXEC) };
    struct stat file;
    if (b.folder < 0) return;
    if (!fstat(b.folder, &file) && !S_ISDIR(file.st_mode)) b.allowed &= LL_OF_FILES;
    syscall(445, rules, 1, &b, 0);
    close(b.folder);
}

/* Everything in `folder` may be read but what is in `hidden`, which lies somewhere beneath it.  Rules only allow, so this
   names all that lies beside the way there; not the links, for what they lead to has a place of its own. */
static void ll_allow_around(int rules, const char *folder, const char *hidden, uint64_t what)
{
    char path[PATH_MAX];
    struct dirent *e;
    DIR *d = opendir(*folder ? folder : "/");
    while (d && (e = readdir(d))) {
        size_t n = (size_t)snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
        if (n >= sizeof path || !strcmp(e->d_name, ".") || !strcmp(e->d_name, "..")) continue;
        if (e->d_type == DT_LNK) continue;
        if (strncmp(path, hidden, n) || (hidden[n] && hidden[n] != '/')) ll_allow(rules, path, what);
        else if (hidden[n]) ll_allow_around(rules, path, hidden, what);
    }
    if (d) closedir(d);
}

/* Made once by each worker, for all its compilers: they see nothing of the grader's folder but what a submission is built from. */
static int hide(const char *scratch)
{
    static const char *const shown[] = { "autoenc.h", "build/grader/child.o", "build/grader/autoenc.o" };
    uint64_t reading = LL_EXECUTE | LL_READ_FILE | LL_READ_DIR;
    char path[PATH_MAX];
    int rules = (int)syscall(444, &reading, sizeof reading, 0), high;
    if (rules < 0) return -1;
    ll_allow_around(rules, "", home, reading);
    for (size_t i = 0; i < sizeof shown / sizeof *shown; i++)
        if (snprintf(path, sizeof path, "%s/%s", home, shown[i]) < (int)sizeof path) ll_allow(rules, path, LL_READ_FILE);
    for (int i = 0; i < 100; i++)
        if (snprintf(path, sizeof path, "%s/build/grader/call_ex%02d.o", home, i) < (int)sizeof path) ll_allow(rules, path, LL_READ_FILE);
    ll_allow(rules, scratch, reading);                                                 /* it may lie in the grader's */
    high = fcntl(rules, F_DUPFD_CLOEXEC, 256);                                         /* become() closes those below */
    close(rules);
    return high;
}

/* A compiler: reads what is not hidden, writes into its folder.  A program: reads itself, and the C library if it needs that. */
static void landlock(const Job *job)
{
    uint64_t reading = LL_EXECUTE | LL_READ_FILE | LL_READ_DIR;
    struct ll_rules r = { job->compiler ? LL_ALL_OF_1 & ~reading : LL_ALL_OF_1, 0, 0 };
    int rules = (int)syscall(444, &r, sizeof(uint64_t), 0);
    if (rules < 0) return;
    if (job->compiler) {
        ll_allow(rules, job->folder, r.files);
        ll_allow(rules, "/dev/null", LL_WRITE);
        if (hidden >= 0) syscall(446, hidden, 0);
    } else {
        ll_allow(rules, job->folder, LL_EXECUTE | LL_READ_FILE);
        for (size_t i = 0; i < LIBRARIES && !static_link; i++) ll_allow(rules, libraries[i], LL_EXECUTE | LL_READ_FILE);
    }
    syscall(446, rules, 0);
    close(rules);
}

/* ---- the filter of system calls ---- */

typedef struct Call { int number; const char *act; } Call;
static const int harmless[] = {
    SYS_read, SYS_write, SYS_writev, SYS_pread64, SYS_close, SYS_lseek, SYS_fstat, SYS_newfstatat, SYS_brk, SYS_mmap, SYS_munmap,
    SYS_mremap, SYS_mprotect, SYS_madvise, SYS_exit, SYS_exit_group, SYS_sched_yield, SYS_getpid, SYS_gettid,
    SYS_getppid, SYS_getuid, SYS_geteuid, SYS_getgid, SYS_getegid, SYS_set_tid_address, SYS_set_robust_list, SYS_rseq, SYS_getrandom,
    SYS_clock_gettime, SYS_clock_getres, SYS_gettimeofday, SYS_times, SYS_getrusage, SYS_rt_sigaction, SYS_rt_sigprocmask, SYS_rt_sigreturn,
    SYS_sigaltstack, SYS_uname, SYS_sysinfo, SYS_sched_getaffinity, SYS_restart_syscall,
#ifdef __x86_64__
    SYS_arch_prctl, SYS_time,
#endif
};
/* What no exercise needs.  Anything in neither list is answered "no such call", as by an old kernel. */
static const Call forbidden[] = {
    { SYS_openat, "opened a file" }, { SYS_openat2, "opened a file" }, { SYS_clone, "started a process or thread" },
    { SYS_clone3, "started a process or thread" }, { SYS_kill, "sent a signal" }, { SYS_tkill, "sent a signal" },
    { SYS_rt_sigqueueinfo, "sent a signal" }, { SYS_pidfd_open, "reached for another process" }, { SYS_pidfd_send_signal, "sent a signal" },
    { SYS_ptrace, "reached for another process's memory" }, { SYS_process_vm_readv, "reached for another process's memory" },
    { SYS_process_vm_writev, "reached for another process's memory" }, { SYS_pidfd_getfd, "reached for another process's files" },
    { SYS_socket, "opened a network connection" }, { SYS_socketpair, "opened a network connection" }, { SYS_connect, "opened a network connection" },
    { SYS_unlinkat, "deleted a file" }, { SYS_renameat, "renamed a file" }, { SYS_renameat2, "renamed a file" }, { SYS_mkdirat, "made a folder" },
    { SYS_symlinkat, "made a link" }, { SYS_linkat, "made a link" }, { SYS_fchmodat, "changed a file" }, { SYS_truncate, "changed a file" },
    { SYS_ftruncate, "changed the size of the results" }, { SYS_fallocate, "changed the size of the results" }, { SYS_execveat, "started another program" },
    { SYS_setpgid, "left its process group" }, { SYS_setsid, "left its process group" }, { SYS_mount, "mounted a file system" },
    { SYS_unshare, "made a namespace" }, { SYS_setns, "entered a namespace" }, { SYS_bpf, "loaded a kernel program" },
    { SYS_memfd_create, "made a file" }, { SYS_io_uring_setup, "went round the filter of system calls" }, { SYS_chdir, "changed its folder" },
    { SYS_getdents64, "listed a folder" }, { SYS_setpriority, "changed priorities" }, { SYS_shmget, "made shared memory" },
#ifdef __x86_64__
    { SYS_open, "opened a file" }, { SYS_creat, "opened a file" }, { SYS_fork, "started a process or thread" }, { SYS_vfork, "started a process or thread" },
    { SYS_unlink, "deleted a file" }, { SYS_rename, "renamed a file" }, { SYS_mkdir, "made a folder" }, { SYS_rmdir, "deleted a folder" },
    { SYS_symlink, "made a link" }, { SYS_link, "made a link" }, { SYS_chmod, "changed a file" },
#endif
};
enum { HARMLESS = sizeof harmless / sizeof *harmless, BAD = sizeof forbidden / sizeof *forbidden };

#ifdef __x86_64__
enum { ARCH = (int)AUDIT_ARCH_X86_64 };
#else
enum { ARCH = (int)AUDIT_ARCH_AARCH64 };
#endif

typedef struct Filter { struct sock_filter line[256]; unsigned short lines; } Filter;
static void emit(Filter *f, unsigned code, unsigned k, int yes, int no)
{
    struct sock_filter line = { (unsigned short)code, (unsigned char)yes, (unsigned char)no, k };
    if (f->lines < 256) f->line[f->lines++] = line;
}
static void emit_load(Filter *f, size_t offset) { emit(f, BPF_LD | BPF_W | BPF_ABS, (unsigned)offset, 0, 0); }
static void emit_return(Filter *f, unsigned what) { emit(f, BPF_RET | BPF_K, what, 0, 0); }
static void emit_case(Filter *f, int number, unsigned what)
{
    emit(f, BPF_JMP | BPF_JEQ | BPF_K, (unsigned)number, 0, 1);
    emit_return(f, what);
}
/* Argument i of call `number` equals value: allowed; otherwise a trap. */
static void emit_equal(Filter *f, int number, int i, uint64_t value)
{
    size_t at = offsetof(struct seccomp_data, args) + 8 * (size_t)i;
    emit(f, BPF_JMP | BPF_JEQ | BPF_K, (unsigned)number, 0, 6);
    emit_load(f, at);
    emit(f, BPF_JMP | BPF_JEQ | BPF_K, (unsigned)value, 0, 3);
    emit_load(f, at + 4);
    emit(f, BPF_JMP | BPF_JEQ | BPF_K, (unsigned)(value >> 32), 0, 1);
    emit_return(f, SECCOMP_RET_ALLOW);
    emit_return(f, SECCOMP_RET_TRAP);
}
/* A futex may wake but not wait: there is nobody who could end the waiting, and it takes no time that a limit would count. */
static void emit_waking(Filter *f)
{
    emit(f, BPF_JMP | BPF_JEQ | BPF_K, SYS_futex, 0, 5);
    emit_load(f, offsetof(struct seccomp_data, args) + 8);
    emit(f, BPF_ALU | BPF_AND | BPF_K, 127, 0, 0);
    emit(f, BPF_JMP | BPF_JEQ | BPF_K, 1, 0, 1);
    emit_return(f, SECCOMP_RET_ALLOW);
    emit_return(f, SECCOMP_RET_ERRNO | ENOSYS);
}
/* Without static linking the loader opens libraries: openat is allowed for reading, if we find that it is one (is_library),
   or Landlock does where we cannot trace. */
static void emit_reading(Filter *f)
{
    emit(f, BPF_JMP | BPF_JEQ | BPF_K, SYS_openat, 0, 4);
    emit_load(f, offsetof(struct seccomp_data, args) + 16);
    emit(f, BPF_JMP | BPF_JSET | BPF_K, O_WRONLY | O_RDWR | O_CREAT | O_TRUNC, 1, 0);
    emit_return(f, use_trace ? SECCOMP_RET_TRACE : SECCOMP_RET_ALLOW);
    emit_return(f, SECCOMP_RET_TRAP);
}

/* The one execve that is allowed is our own: its first argument stands at an address that the program cannot know. */
static int filter_calls(const char *program)
{
    Filter f = { .lines = 0 };
    struct sock_fprog all = { 0, f.line };
    emit_load(&f, offsetof(struct seccomp_data, arch));
    emit(&f, BPF_JMP | BPF_JEQ | BPF_K, (unsigned)ARCH, 1, 0);
    emit_return(&f, SECCOMP_RET_KILL_PROCESS);
    emit_load(&f, offsetof(struct seccomp_data, nr));
    for (int i = 0; i < HARMLESS; i++) emit_case(&f, harmless[i], SECCOMP_RET_ALLOW);
    emit_waking(&f);
    emit_case(&f, SYS_ioctl, SECCOMP_RET_ERRNO | ENOTTY);
    if (!static_link) emit_reading(&f);
    for (int i = 0; i < BAD; i++) emit_case(&f, forbidden[i].number, SECCOMP_RET_TRAP);
    emit_equal(&f, SYS_tgkill, 0, (uint64_t)getpid());
    emit_equal(&f, SYS_execve, 0, (uint64_t)(uintptr_t)program);
    emit_return(&f, SECCOMP_RET_ERRNO | ENOSYS);
    all.len = f.lines;
    return f.lines < 256 && !prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &all);
}

static const char *act_of(int number)
{
    for (int i = 0; i < BAD; i++) if (forbidden[i].number == number) return forbidden[i].act;
    return number == SYS_execve ? "started another program" : number == SYS_tgkill ? "sent a signal" : "made a call that is not allowed";
}

/* The text at an address of the traced program, made printable. */
static void peek_text(pid_t pid, const char *there, char *text, size_t size)
{
    struct iovec here = { text, size - 1 }, far = { (void *)(uintptr_t)there, size - 1 };
    ssize_t got = process_vm_readv(pid, &here, 1, &far, 1, 0);
    text[got > 0 ? got : 0] = 0;
    for (char *c = text; *c; c++) if (*c < 32 || *c > 126) *c = '?';
}

/* The call at which a traced program stands, and the file that it names, if it names one. */
static int call_of(pid_t pid, char *path, size_t size)
{
    struct user_regs_struct r;
    struct iovec all = { &r, sizeof r };
    *path = 0;
    if (ptrace(PTRACE_GETREGSET, pid, 1, &all)) return -1;
#ifdef __x86_64__
    int number = (int)r.orig_rax;
    uint64_t first = r.rdi, second = r.rsi;
    if (number == SYS_open || number == SYS_creat || number == SYS_unlink) peek_text(pid, (const char *)(uintptr_t)first, path, size);
#else
    int number = (int)r.regs[8];
    uint64_t first = r.regs[0], second = r.regs[1];
#endif
    if (number == SYS_execve) peek_text(pid, (const char *)(uintptr_t)first, path, size);
    if (number == SYS_openat || number == SYS_unlinkat || number == SYS_mkdirat) peek_text(pid, (const char *)(uintptr_t)second, path, size);
    return number;
}

/* Which call the filter stopped, and for a file its name. */
static void name_the_act(pid_t pid, Ended *e)
{
    char path[80];
    int number = call_of(pid, path, sizeof path);
    snprintf(e->act, sizeof e->act, "%s%s%s", act_of(number), *path ? ": " : "", path);
}

/* May the file be opened at which a program stands that was not linked statically?  It has one thread and shares no memory
   with anybody who could change the name after this. */
static int is_library(pid_t pid)
{
    char path[256];
    if (call_of(pid, path, sizeof path) != SYS_openat || strlen(path) == sizeof path - 1 || strstr(path, "..")) return 0;
    for (size_t i = 0, n; i < LIBRARIES; i++)
        if (!strncmp(path, libraries[i], n = strlen(libraries[i])) && (path[n] == '/' || (!path[n] && i == LIBRARIES - 1))) return 1;
    return 0;
}

static int shut_in(const Job *job, const char *program)
{
    if (use_trace && !job->compiler) ptrace(PTRACE_TRACEME, 0, 0, 0);
    if (!use_seccomp && !use_landlock) return 1;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) return 0;
    if (use_landlock) landlock(job);
    return job->compiler || !use_seccomp || filter_calls(program);
}

/* A traced program has stopped at a signal.  1: it must be ended. */
static int stopped(pid_t pid, int status, Ended *e)
{
    int signal = WSTOPSIG(status);
    siginfo_t info;
    if (status >> 8 == (SIGTRAP | PTRACE_EVENT_SECCOMP << 8) && !is_library(pid)) { e->how = FORBIDDEN;  name_the_act(pid, e);  return 1; }
    if (signal == SIGSYS) { e->how = FORBIDDEN;  name_the_act(pid, e);  return 1; }
    if ((signal == SIGSEGV || signal == SIGBUS) && !ptrace(PTRACE_GETSIGINFO, pid, 0, &info)) e->fault = info.si_addr;
    if (signal == SIGTRAP) ptrace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_EXITKILL | PTRACE_O_TRACESECCOMP);      /* at its start: it ends when we do */
    if (signal == SIGTRAP || signal == SIGSTOP || signal == SIGTSTP || signal == SIGTTIN || signal == SIGTTOU) signal = 0;
    ptrace(PTRACE_CONT, pid, 0, signal);
    return 0;
}

/* Tried in a child: does this kernel let us do this at all? */
static int possible(int what)
{
    int status = -1;
    pid_t pid = fork();
    if (!pid) {
        int ok = what == 0 ? !prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) && filter_calls("")
               : what == 1 ? syscall(444, NULL, 0, 1) >= 1 : !ptrace(PTRACE_TRACEME, 0, 0, 0);
        _exit(!ok);
    }
    return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

static void look_for_means(void)
{
    use_seccomp = possible(0), use_landlock = possible(1), use_trace = use_seccomp && possible(2);
    prctl(PR_SET_DUMPABLE, 0);
    if (use_seccomp || use_landlock)
        snprintf(description, sizeof description, "sandbox:%s%s%s%s%s", use_seccomp ? " seccomp" : " no seccomp", use_landlock ? ", Landlock" : ", no Landlock",
                 use_trace ? ", traced" : "", static_link ? ", static" : "", static_link || use_landlock || use_trace ? "" : "; files can be read");
}
#else
static int shut_in(const Job *job, const char *program) { (void)job, (void)program;  return 1; }
static int stopped(pid_t pid, int status, Ended *e) { (void)pid, (void)status, (void)e;  return 0; }
static void look_for_means(void) {}
static int hide(const char *scratch) { (void)scratch;  return -1; }
#endif

/* ---- the same on every system ---- */

static void on_child(int signal) { (void)signal; }

void sandbox_open(int wanted, int static_programs, const char *grader)
{
    struct sigaction act;
    sigset_t child;
    memset(&act, 0, sizeof act);
    act.sa_handler = on_child;
    sigaction(SIGCHLD, &act, NULL);               /* pselect wakes for it: it is blocked everywhere else */
    sigemptyset(&child), sigaddset(&child, SIGCHLD);
    sigprocmask(SIG_BLOCK, &child, NULL);
    signal(SIGPIPE, SIG_IGN);
    static_link = static_programs;
    if (wanted) look_for_means();
    home = grader;
}

const char *sandbox_describe(void) { return description; }

static void limit(int what, rlim_t soft, rlim_t hard)
{
    struct rlimit r;
    r.rlim_cur = soft, r.rlim_max = hard;
    setrlimit(what, &r);
}

static void become(const Job *job, int out)
{
    sigset_t none;
    char *program = strdup(job->argv[0]);         /* at an address of its own: see filter_calls */
    int nothing = open("/dev/null", O_RDONLY), file = job->file < 0 ? -1 : fcntl(job->file, F_DUPFD, 10);
    int output = fcntl(out, F_DUPFD, 10);
    dup2(nothing, 0), dup2(output, 1), dup2(output, 2);
    if (file >= 0) dup2(file, 3);
    for (int i = file >= 0 ? 4 : 3; i < 256; i++) close(i);
    setpgid(0, 0);
    limit(RLIMIT_CORE, 0, 0);
    limit(RLIMIT_CPU, (rlim_t)job->cpu_seconds, (rlim_t)job->cpu_seconds + 1);
    limit(RLIMIT_AS, (rlim_t)job->megabytes << 20, (rlim_t)job->megabytes << 20);
    limit(RLIMIT_FSIZE, job->written, job->written);
    limit(RLIMIT_NOFILE, 64, 64);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    if (chdir(job->folder) || !program || !shut_in(job, program)) _exit(127);
    if (job->compiler) setenv("LC_ALL", "C", 1), execvp(program, job->argv);      /* we read what it says */
    else { static char *const environment[] = { NULL };  execve(program, job->argv, environment); }
    _exit(127);
}

/* Takes what has been printed; 0 at the end of it.  What is kept is made printable by whoever shows it. */
static int drain(int from, const Job *job, Ended *e)
{
    char some[4096];
    ssize_t got = read(from, some, sizeof some);
    if (got < 0) return errno == EAGAIN || errno == EINTR;
    if (got == 0) return 0;
    size_t room = e->printed < sizeof e->output - 1 ? sizeof e->output - 1 - e->printed : 0;
    memcpy(e->output + (e->printed < sizeof e->output ? e->printed : sizeof e->output - 1), some, (size_t)got < room ? (size_t)got : room);
    e->printed += (size_t)got;
    if (e->printed > job->printed && e->how == ENDED) e->how = TOO_MUCH_OUTPUT;
    return 1;
}

static double now(void) { struct timespec t;  clock_gettime(CLOCK_MONOTONIC, &t);  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec; }

/* Waits until there is something to read, a child has changed, or a tenth of a second has gone.  Returns the time that
   counts: a machine that slept or was stopped for minutes does not make a program late. */
static double wait_a_little(int from, int open)
{
    double start = now(), gone;
    struct timespec tenth = { 0, 100000000 };
    sigset_t none;
    fd_set set;
    FD_ZERO(&set);
    if (open) FD_SET(from, &set);
    sigemptyset(&none);
    pselect(from + 1, &set, NULL, NULL, &tenth, &none);
    gone = now() - start;
    return gone > 0.2 ? 0.2 : gone;
}

static void watch(pid_t pid, int from, const Job *job, Ended *e)
{
    double waited = 0;
    int status, open = 1;
    pid_t got_rid;
    for (;;) {
        pid_t got = waitpid(pid, &status, WNOHANG);
        if (got == pid && WIFSTOPPED(status)) { if (stopped(pid, status, e)) break;  continue; }
        if (got == pid) {
            if (WIFSIGNALED(status) && e->how == ENDED) e->how = WTERMSIG(status) == SIGXCPU ? TIMED_OUT : KILLED;
            if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS) e->how = FORBIDDEN, strcpy(e->act, "made a call that is not allowed");
            e->code = WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);
            for (int i = 0; open && i < 16; i++) open = drain(from, job, e);
            kill(-pid, SIGKILL);
            return;
        }
        waited += wait_a_little(from, open);
        while (open && e->how == ENDED) { size_t before = e->printed;  open = drain(from, job, e);  if (e->printed == before) break; }
        if (waited > job->wall_seconds && e->how == ENDED) e->how = TIMED_OUT;
        if (e->how != ENDED) break;
    }
    kill(-pid, SIGKILL), kill(pid, SIGKILL);
    while ((got_rid = waitpid(pid, &status, 0)) < 0 ? errno == EINTR : WIFSTOPPED(status)) {}
    kill(-pid, SIGKILL);
}

void sandbox_run(const Job *job, Ended *e)
{
    int ends[2];
    memset(e, 0, sizeof *e);
    e->how = NOT_STARTED;
    if (pipe(ends)) return;
    if (job->compiler && use_landlock && hidden < 0) hidden = hide(job->folder);
    fflush(NULL);
    pid_t pid = fork();
    if (!pid) become(job, ends[1]);
    close(ends[1]);
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    if (pid > 0) { e->how = ENDED;  watch(pid, ends[0], job, e); }
    close(ends[0]);
}
