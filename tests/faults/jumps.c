/* The wall clock of a machine that is an hour ahead, two seconds later an hour behind, and so on. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <time.h>

int clock_gettime(clockid_t id, struct timespec *now) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real)
        real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    int status = real(id, now);
    if (id == CLOCK_REALTIME)
        now->tv_sec += now->tv_sec / 2 % 2 ? 3600 : -3600;
    return status;
}
