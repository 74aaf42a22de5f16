/* The command log (bot/commands/controller.py, handlers.py, log.py, unlogged_kill.py, bot/storage/locked_bot.py) as a model.
 *
 * N commands of any kind are issued, one after the other: number i is the i-th to be issued. Each comes in one of two ways.
 * Over the API its row takes its seq as it is issued and is committed later, so a lower seq may become visible after a higher
 * one was applied; its client may die before the commit. A manual command is issued when it is sent: its message waits in the
 * queue, which loses, keeps and repeats it, and its row takes its seq when a worker reads it, perhaps long after.
 *
 * Two workers finish what is pending. A web process finishes what is late or superseded, and a stop or pause that nobody
 * applied. A kill over the API is judged alone by the web process that took it, in the transaction that inserts it, and takes its
 * seq when that has the lock; if the log cannot be written, it takes effect on the bot's row alone, and its own row follows when
 * somebody takes the lock. Whoever holds the lock may die (rollback). A set_mode needs evidence that a worker gathers before the
 * lock; it may die meanwhile.
 *
 * What a transaction reads it reads when it has the lock (a statement of its own, READ COMMITTED); what it writes is visible at
 * its commit.
 *
 * Seeded faults, to see that the properties can fail:
 *   -DNOLOCK          nobody takes the lock
 *   -DREADBEFORELOCK  what is pending is read before the lock is had
 *   -DBYSEQ           a halt supersedes by seq alone, not by the order of issue
 *   -DAPPLIEDONLY     a halt that was rejected supersedes nothing
 *   -DREARMSTAYS      a halt does not supersede a rearm
 *   -DCANCELSTAYS     a halt does not supersede the end of a flatten
 *   -DFORGETKILL      the row of a kill without a log is never written
 *   -DOLDCONFIG       manual thresholds are applied whenever they are read
 */
#ifndef N
#define N 3
#endif
#ifndef CRASHES
#define CRASHES 1
#endif

#define START 0
#define STOP 1
#define KILL 2
#define REARM 3
#define PAUSE 4
#define RESUME 5
#define SETMODE 6
#define CONFIG 7
#define FLATTEN 8
#define CANCEL 9 /* of the flatten at work */

#define STOPPED 0
#define RUNNING 1
#define PAUSED 2

#define NONE 0
#define QUEUED 1
#define APPLIED 2
#define REJECTED 3
#define EXPIRED 4
#define SUPERSEDED 5

#define BIT(i) (1 << (i))
#define is_halt(k) ((k) == STOP || (k) == KILL)
#define must_be_superseded(k) ((k) == START || (k) == PAUSE || (k) == RESUME || (k) == SETMODE || (k) == REARM || (k) == CANCEL)
#if defined(REARMSTAYS)
#define superseded_by_halts(k) (must_be_superseded(k) && (k) != REARM)
#elif defined(CANCELSTAYS)
#define superseded_by_halts(k) (must_be_superseded(k) && (k) != CANCEL)
#else
#define superseded_by_halts(k) must_be_superseded(k)
#endif
#define expires(k) ((k) == START || (k) == RESUME || (k) == SETMODE)
#define safer(k) ((k) == STOP || (k) == PAUSE || (k) == KILL)

byte issued = 0;
byte kind[N + 1];
byte status[N + 1];
byte seq[N + 1];       /* of its row; 0: none yet */
byte at_seq[2 * N + 1]; /* the command whose row has this seq; 0: none */
byte last_seq = 0;
byte before[N + 1];    /* what was committed (acknowledged) when it was issued: bits */
byte manual = 0;       /* bits */
byte message = 0;      /* manual commands that wait in the queue: bits */
byte committed = 0;    /* bits */
byte finished = 0;     /* bits */
byte judged = 0;       /* halts that took effect or were found not to be needed: bits */
byte late = 0;         /* its time has run out: bits */
byte overdue = 0;      /* a stop, pause or kill that waits for over a second: bits */
byte revused = 0;      /* bits */

/* bot_config. halted: the number of the last judged halt, in the order of issue; configured: of the last applied thresholds */
byte state = STOPPED, rev = 0, halt_seq = 0, halted = 0, configured = 0, unlogged = 0;
bool latch = 0, flattening = 0;

bool lock = 0;
byte crashes = 0;

#define PENDING (committed & ~finished)
#define P(i) ((PENDING & BIT(i)) != 0)
#define MAYCRASH (crashes < CRASHES)
#ifdef BYSEQ
#define over(i, hs, h) (superseded_by_halts(kind[i]) && seq[i] < hs)
#else
#define over(i, hs, h) (superseded_by_halts(kind[i]) && (seq[i] < hs || i < h))
#endif
/* a set_mode that waits for evidence and for nothing else */
#define waits(i) (P(i) && kind[i] == SETMODE && !(late & BIT(i)) && state == STOPPED && !over(i, halt_seq, halted))
/* a sweep that would finish something; one that would not changes nothing and is left out */
#define u(i) (P(i) && !waits(i))
#define e(i) (P(i) && ((late & BIT(i)) || over(i, halt_seq, halted)))
#if N == 2
#define ANY(x) (x(1) || x(2))
#endif
#if N == 3
#define ANY(x) (x(1) || x(2) || x(3))
#endif
#if N == 4
#define ANY(x) (x(1) || x(2) || x(3) || x(4))
#endif

/* What a transaction read, per process */
#define LOCALS byte snap, lst, lrev, lhs, lh, lcf, lun, upto, ev, c, d, s, off, after, last_halt; bool llat, lfl, ok

#ifdef NOLOCK
#define TAKE (true)
#else
#define TAKE (!lock)
#endif

inline read() {
    snap = committed & ~finished;
    lst = state; lrev = rev; lhs = halt_seq; lh = halted; lcf = configured; lun = unlogged; llat = latch; lfl = flattening
}

inline write() {
    state = lst; rev = lrev; halt_seq = lhs; halted = lh; configured = lcf; unlogged = lun; latch = llat; flattening = lfl;
    forget()
}

inline forget() {
    snap = 0; lst = 0; lrev = 0; lhs = 0; lh = 0; lcf = 0; lun = 0; upto = 0; ev = 0; c = 0; d = 0; s = 0; off = 0;
    after = 0; last_halt = 0; llat = 0; lfl = 0; ok = 0
}

inline take_seq(i) { last_seq++; seq[i] = last_seq; at_seq[last_seq] = i }

inline finish(i, how) { status[i] = how; finished = finished | BIT(i) }

inline next_revision(i) {
    assert(!(finished & BIT(i)));                     /* finished once */
    lrev++;
    assert(!(revused & BIT(lrev)));                   /* no double */
    assert(lrev == 1 || (revused & BIT(lrev - 1)));   /* no gap */
    revused = revused | BIT(lrev)
}

/* unlogged_kill.write_row: first of all that is done under the lock */
inline log_kill() {
    if
    :: lun != 0 ->
#ifndef FORGETKILL
        last_seq++; seq[lun] = last_seq; at_seq[last_seq] = lun;
        next_revision(lun);
        committed = committed | BIT(lun);
        if :: last_seq > lhs -> lhs = last_seq :: else fi;
        finish(lun, APPLIED);
#endif
        lun = 0
    :: else
    fi
}

/* CommandHandlers.drain of what was read, up to seq *upto*, with evidence for *ev* (0: none) */
inline drain() {
    log_kill();
    last_halt = 0;
    c = 1;
    do
    :: c > N -> break
    :: c <= N ->
        if
        :: (snap & BIT(c)) && seq[c] <= upto && is_halt(kind[c]) && seq[c] > last_halt -> last_halt = seq[c]
        :: else
        fi;
        c++
    od;
    if :: lhs > last_halt -> last_halt = lhs :: else fi;
    off = 0;
    s = 1;
    do
    :: s > upto -> break
    :: else ->
        c = at_seq[s];
        if
        :: c == 0 || !(snap & BIT(c)) -> skip
        :: else ->
            if
            :: over(c, last_halt, lh) -> finish(c, SUPERSEDED); off++
            :: else ->
                if
                :: (late & BIT(c)) -> finish(c, EXPIRED)
                :: else -> judge()
                fi
            fi
        fi;
        s++
    od;
    write()
}

inline take_halt() {
    if
    :: is_halt(kind[c]) ->
        if :: seq[c] > lhs -> lhs = seq[c] :: else fi;
        if :: c > lh -> lh = c :: else fi
    :: else
    fi
}

/* CommandHandlers.judge of command c */
inline judge() {
    ok = 0; after = lst;
#ifndef APPLIEDONLY
    take_halt();
#endif
    if
    :: kind[c] == START && lst == STOPPED && !llat -> ok = 1; after = RUNNING
    :: kind[c] == PAUSE && lst == RUNNING -> ok = 1; after = PAUSED
    :: kind[c] == RESUME && lst == PAUSED -> ok = 1; after = RUNNING
    :: kind[c] == STOP && (lst != STOPPED || off > 0) -> ok = 1; after = STOPPED
    :: kind[c] == KILL -> ok = 1; after = STOPPED
    :: kind[c] == REARM && lst == STOPPED && llat -> ok = 1
    :: kind[c] == SETMODE && lst == STOPPED && ev == c -> ok = 1
    :: kind[c] == SETMODE && lst == STOPPED && ev != c -> after = 9 /* stays pending */
    :: kind[c] == FLATTEN -> ok = 1; if :: lst == RUNNING -> after = PAUSED :: else fi
    :: kind[c] == CANCEL && lfl -> ok = 1
    :: kind[c] == CONFIG ->
        ok = 1;
#ifndef OLDCONFIG
        if :: (manual & BIT(c)) && c < lcf -> ok = 0 :: else fi
#endif
    :: else
    fi;
    if
    :: after == 9 -> skip
    :: after != 9 && !ok -> finish(c, REJECTED)
    :: after != 9 && ok ->
        /* -- what has to hold ------------------------------------------------------------------------------- */
        d = 1;
        do
        :: d > N -> break
        :: d <= N ->
            /* nothing that was issued before a halt takes effect after it, whichever way it came in */
            assert(!(must_be_superseded(kind[c]) && d > c && (judged & BIT(d))));
            /* what was issued after this one was acknowledged is not applied before it; set_mode may be passed, a kill passes */
            assert(!(kind[c] != SETMODE && kind[d] != KILL && (before[d] & BIT(c)) && status[d] == APPLIED));
            /* manual thresholds do not replace newer ones */
            assert(!(kind[c] == CONFIG && (manual & BIT(c)) && d > c && kind[d] == CONFIG && status[d] == APPLIED));
            d++
        od;
        next_revision(c);
        if
        :: kind[c] == KILL -> llat = 1
        :: kind[c] == REARM -> llat = 0
        :: kind[c] == FLATTEN -> lfl = 1
        :: kind[c] == CANCEL -> lfl = 0
        :: kind[c] == CONFIG -> if :: c > lcf -> lcf = c :: else fi
        :: else
        fi;
        assert(!(llat && after != STOPPED));          /* killed is stopped */
        lst = after;
#ifdef APPLIEDONLY
        take_halt();
#endif
        finish(c, APPLIED)
    fi;
    if :: is_halt(kind[c]) -> judged = judged | BIT(c); off = 0 :: else fi;
    ok = 0; after = 0
}

/* Controller.kill of a kill: it alone */
inline kill_alone(me) {
    log_kill(); c = me; off = 0; judge(); write()
}

/* the same when the log cannot be written */
inline kill_without_log(me) {
    lst = STOPPED; llat = 1;
    if :: me > lh -> lh = me :: else fi;
    judged = judged | BIT(me);
    if :: lun == 0 -> lun = me :: else -> finish(me, APPLIED) /* a second one has no row of its own */ fi;
    write()
}

/* Controller.apply_overdue: what can never take effect */
inline end_overdue() {
    log_kill();
    c = 1;
    do
    :: c > N -> break
    :: c <= N ->
        if
        :: (snap & BIT(c)) && over(c, lhs, lh) -> finish(c, SUPERSEDED)
        :: (snap & BIT(c)) && !over(c, lhs, lh) && (late & BIT(c)) -> finish(c, EXPIRED)
        :: else
        fi;
        c++
    od;
    write()
}

/* command number *me*, in the order of issue: without loss of generality, since any kind may be the first */
proctype Client(byte me) {
    LOCALS;
    byte k = 0;
    bool by_message = 0;
    atomic { issued == me - 1 ->
    if
    :: k = START
    :: k = STOP
    :: k = KILL
    :: k = REARM
#ifdef ALLKINDS
    :: k = PAUSE
    :: k = RESUME
    :: k = SETMODE
    :: k = CONFIG
    :: k = FLATTEN
    :: k = CANCEL
#endif
    fi;
    if
    :: by_message = 1
    :: by_message = 0
    fi;
    issued++; kind[me] = k; before[me] = committed;
    if
    :: by_message -> manual = manual | BIT(me); message = message | BIT(me)
    :: !by_message && k != KILL -> take_seq(me)
    :: else /* a kill takes its seq under the lock */
    fi };
    if
    :: by_message -> skip
    :: !by_message && k != KILL ->
        if
        :: d_step { committed = committed | BIT(me); status[me] = QUEUED }
        :: d_step { MAYCRASH -> crashes++ }                         /* died: never visible */
        fi
    :: !by_message && k == KILL ->
        if
        :: atomic { TAKE -> lock = 1; read(); take_seq(me) };
           if
           :: d_step { committed = committed | BIT(me); status[me] = QUEUED; kill_alone(me); lock = 0 }
           :: d_step { MAYCRASH -> crashes++; lock = 0; forget() }  /* rollback: row and all */
#ifdef FALLBACK
           /* no room for the row: it takes its seq when it is written */
           :: d_step { at_seq[seq[me]] = 0; seq[me] = 0; kill_without_log(me); lock = 0 }
#endif
           fi
        :: d_step { MAYCRASH -> crashes++ }                         /* the lock cannot be had: submitted, and pending */
           if
           :: d_step { take_seq(me); committed = committed | BIT(me); status[me] = QUEUED }
           :: skip
           fi
        fi
    fi;
    k = 0
}

inline gather() {
    if
    :: atomic { TAKE -> lock = 1; read(); w = 2 }                   /* the broker answered */
    :: atomic { MAYCRASH -> crashes++; ev = 0; goto endrest }       /* died while it asked */
    fi
}

/* a message is read: its row is made, once, and the message is gone or comes again */
#define READS(i) atomic { (message & BIT(i)) -> \
        if \
        :: (committed & BIT(i)) -> skip \
        :: else -> take_seq(i); committed = committed | BIT(i); status[i] = QUEUED \
        fi; \
        if \
        :: message = message & ~BIT(i) \
        :: MAYCRASH -> crashes++ \
        fi }; goto endrest

proctype Worker() {
    LOCALS;
    byte w = 0;
endrest:
    if
    :: READS(1)
    :: READS(2)
#if N > 2
    :: READS(3)
#endif
#if N > 3
    :: READS(4)
#endif
    /* a message, or the sweep: all that is pending. Between waking and the lock nothing is read */
#ifdef READBEFORELOCK
    :: atomic { ANY(u) || unlogged != 0 -> read() }; atomic { TAKE -> lock = 1; w = 1 }
#else
    :: atomic { (ANY(u) || unlogged != 0) && TAKE -> lock = 1; read(); w = 1 }
#endif
    /* evidence for a set_mode, asked for before the lock */
#ifdef ALLKINDS
    :: atomic { (waits(1)) -> ev = 1 }; gather()
    :: atomic { (waits(2)) -> ev = 2 }; gather()
#if N > 2
    :: atomic { (waits(3)) -> ev = 3 }; gather()
#endif
#if N > 3
    :: atomic { (waits(4)) -> ev = 4 }; gather()
#endif
#endif
    fi;
    if
    :: d_step { upto = (w == 2 -> seq[ev] : last_seq); drain(); lock = 0 }
    :: d_step { MAYCRASH -> crashes++; lock = 0; forget() }
    fi;
    d_step { w = 0; ev = 0 };
    goto endrest
}

#define OVERDUE(i) (P(i) && (overdue & BIT(i)))

/* a web process: what may not wait for a worker */
proctype Web() {
    LOCALS;
    byte w = 0;
endrest:
    if
    :: atomic { ANY(OVERDUE) -> w = 1 }
    :: atomic { ANY(e) -> w = 2 }
    fi;
#ifdef READBEFORELOCK
    d_step { read() };
    atomic { TAKE -> lock = 1 };
#else
    atomic { TAKE -> lock = 1; read() };
#endif
    if
    :: d_step { w == 2 -> end_overdue(); lock = 0 }
    :: d_step { w == 1 -> upto = last_seq; drain(); lock = 0 }
    :: d_step { MAYCRASH -> crashes++; lock = 0; forget() }
    fi;
    d_step { w = 0 };
    goto endrest
}

#define LATE(i) (P(i) && expires(kind[i]) && !(late & BIT(i)))
#define OVER(i) (P(i) && safer(kind[i]) && !(overdue & BIT(i)))
#define PASSES(i) \
    :: d_step { LATE(i) -> late = late | BIT(i) } \
    :: d_step { OVER(i) -> overdue = overdue | BIT(i) } \
    :: d_step { (message & BIT(i)) && MAYCRASH -> crashes++; message = message & ~BIT(i) } /* lost */

/* time, and the queue */
proctype World() {
endrest:
    do
    PASSES(1)
    PASSES(2)
#if N > 2
    PASSES(3)
#endif
#if N > 3
    PASSES(4)
#endif
    od
}

init {
    byte i;
    atomic {
        if :: flattening = 1 :: skip fi; /* one may be at work already */
        i = 0;
        do :: i < N -> i++; run Client(i) :: else -> break od;
        run Worker(); run Worker(); run Web(); run World();
        i = 0
    }
    /* nobody can do anything any more: every command has reached an end, and the log lacks none */
    timeout -> assert(PENDING == 0 && unlogged == 0 && message == 0);
    assert(state == STOPPED || !latch);
    i = 0;
    do
    :: i < N -> i++; assert(!((judged & BIT(i)) && kind[i] == KILL && status[i] != APPLIED))
    :: else -> break
    od
}
