/* All of the core library in one include.  Drivers have their own: <lifeguard/sqlite.h>. */
#ifndef LIFEGUARD_LIFEGUARD_H
#define LIFEGUARD_LIFEGUARD_H

#include <lifeguard/barrier.h>
#include <lifeguard/base.h>
#include <lifeguard/cancel.h>
#include <lifeguard/condition.h>
#include <lifeguard/context.h>
#include <lifeguard/driver.h>
#include <lifeguard/event.h>
#include <lifeguard/guarded.h>
#include <lifeguard/histogram.h>
#include <lifeguard/latch.h>
#include <lifeguard/log.h>
#include <lifeguard/mutex.h>
#include <lifeguard/once.h>
#include <lifeguard/permits.h>
#include <lifeguard/pool.h>
#include <lifeguard/pool_event.h>
#include <lifeguard/predict.h>
#include <lifeguard/profile.h>
#include <lifeguard/report.h>
#include <lifeguard/request.h>
#include <lifeguard/robust_mutex.h>
#include <lifeguard/rwlock.h>
#include <lifeguard/semaphore.h>
#include <lifeguard/stats.h>
#include <lifeguard/status.h>
#include <lifeguard/thread.h>
#include <lifeguard/timer.h>
#include <lifeguard/trace.h>
#include <lifeguard/waitable.h>

#endif
