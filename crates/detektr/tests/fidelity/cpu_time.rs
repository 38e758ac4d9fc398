//! How much of the processor a process took is told at its end, held against the process's own clock.

use crate::support::{Place, SENSORS, able};

/// Milliseconds of CPU time that the process takes.
const SPUN_MS: u64 = 300;

/// With `NAP` it sleeps that long instead; with `BESIDE` as many threads spin beside the first, which ends them all.
const SOURCE: &str = r#"
#include <pthread.h>
#include <stddef.h>
#include <time.h>
#include <unistd.h>
#ifndef BESIDE
#define BESIDE 0
#endif
static void *spin(void *unused)
{
    for (;;) {
        struct timespec time;
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
        if (time.tv_sec > 0 || time.tv_nsec >= SPUN_MS * 1000000L)
            return unused;
    }
}
int main(void)
{
#ifdef NAP
    usleep(SPUN_MS * 1000);
#else
    pthread_t threads[BESIDE + 1];
    for (int at = 0; at < BESIDE; at++)
        pthread_create(&threads[at], NULL, spin, NULL);
    spin(NULL);
#ifdef JOIN
    for (int at = 0; at < BESIDE; at++)
        pthread_join(threads[at], NULL);
#endif
#endif
    _exit(0);
}
"#;

/// What the sensor tells of the CPU time in nanoseconds; `None` where the program can't be made or run here.
fn told(sensor: &str, flags: &[&str]) -> Option<u64> {
    if !able(sensor) {
        return None;
    }
    let place = Place::new();
    let spun = format!("-DSPUN_MS={SPUN_MS}");
    let program = place.compile("spin", SOURCE, &[&[spun.as_str()][..], flags].concat())?;
    let run = place.act(sensor, "user", &program);
    for thread in run.of("process.exit").iter().filter(|end| end["exit"]["thread"] == true) {
        assert!(thread["exit"]["cpu_ns"].is_null(), "{sensor} {flags:?}: {thread}");
    }
    let end = run.one("process.exit", |end| end["exit"]["thread"] != true);
    let ns = end["exit"]["cpu_ns"].as_u64();
    Some(ns.unwrap_or_else(|| panic!("{sensor} {flags:?}: no CPU time in {end}")))
}

#[test]
fn the_cpu_time_of_a_process_is_that_of_all_its_threads() {
    for sensor in SENSORS {
        // alone; beside a thread that lives at the end, beside one that has ended
        for flags in [&[][..], &["-DBESIDE=1"], &["-DBESIDE=1", "-DJOIN"], &["-DBESIDE=7"]] {
            let Some(ns) = told(sensor, flags) else { continue };
            let spun = SPUN_MS * 1_000_000;
            assert!((spun..spun * 2).contains(&ns), "{sensor} {flags:?}: {ns}");
        }
    }
}

#[test]
fn a_process_that_sleeps_takes_little_cpu_time() {
    for sensor in SENSORS {
        let Some(ns) = told(sensor, &["-DNAP"]) else { continue };
        assert!(ns < SPUN_MS * 1_000_000 / 3, "{sensor}: {ns}");
    }
}
