/* The flatten process (bot/flattening/process.py, plan.py, round.py, flattens.py) as a model, for one symbol.
 *
 * The account holds BOT shares of the bot and IGNORED shares that are not the bot's. An order of the executor may rest at the
 * broker, hold shares and fill at any time; one that was sent before the flatten began may arrive late. Two processes make
 * rounds: each takes the right to the next one, reads orders, fills and positions in this order, plans, cancels, closes, and
 * reports. Any of them may die in any step (the right is free at once), or freeze (it is free when its lease has run out, and
 * the frozen process goes on later). An answer to a cancellation or a closing may be lost, whether it was carried out or not.
 *
 * The broker closes only what is held and not held by another order. Its list of positions may lack a fill for a while, in
 * which the list of fills has it. Before a call the process looks at its clock: a round that froze calls nobody any more.
 *
 * With ignored shares no order arrives late in the model: one that fills between the reading and the closing takes shares that the
 * closing then takes from the ignored ones. Nothing but a program that stops trading prevents that (docs/reliability.md).
 *
 * Seeded faults, to see that the properties can fail:
 *   -DONEREADING      flat is what one reading shows
 *   -DNOLAG           sales that the list of positions may not show yet are sold again
 *   -DPOSITIONSFIRST  positions are read before the orders
 *   -DNODEADLINE      a process that froze goes on calling
 *   -DSELLALL         ignored shares are closed with the others
 *   -DLEASESTAYS      nobody takes up the round of a process that died
 *   -DNOWAIT          flat may be confirmed while an order that was sent before the flatten is still on its way
 */
#ifndef CRASHES
#define CRASHES 1
#endif
#ifndef LOST
#define LOST 1
#endif
#ifndef BOT
#define BOT 2
#endif
#ifndef IGNORED
#define IGNORED 1
#endif

#define SHARES (BOT + IGNORED)
#define STOP 1          /* shares of the executor's resting order */

/* -- the broker ------------------------------------------------------------------------------------------------ */
short held = SHARES;    /* what is really held */
short listed = SHARES;  /* what the list of positions says */
byte closing = 0;       /* shares of the flatten's own working order */
byte executor = 0;      /* shares of the executor's working order */
byte coming = 0;        /* shares of its order that is still on the way */
byte recent = 0;        /* shares sold so lately that the list of positions may lack them */
byte foreign = 0;       /* of these, by orders that are not the flatten's own, or that it does not know */
bool own_known = 0;     /* whether the flatten has the id of its working order */

/* -- the row --------------------------------------------------------------------------------------------------- */
bool at_work = 1, flat = 0, found_flat = 0;
byte last = 0;          /* the process that took the last round: bot_flatten.attempts tells the others that it is not theirs */
byte lock = 0;          /* the process that works on it */
bool frozen[3];
byte crashes = 0, lost = 0;

#define MAYCRASH (crashes < CRASHES)
#define MAYLOSE (lost < LOST)
#define FREE (lock == 0 || frozen[lock])
#ifdef NODEADLINE
#define MAYCALL(me) (true)
#else
#define MAYCALL(me) (last == me)
#endif

inline forget() {
    working = 0; working_closing = 0; sold = 0; strange = 0; shown = 0; to_close = 0; now = 0; nothing = 0; early = 0
}

/* its connection ends with the process, and with it the right to work */
inline let_go(who) {
#ifdef LEASESTAYS
    skip
#else
    if :: lock == who -> lock = 0 :: else fi
#endif
}

inline read_orders() { working = executor; working_closing = closing; early = (coming > 0) }
inline read_fills() { sold = recent; strange = foreign }
inline read_positions() { shown = listed }

/* plan.make_plan: what is the bot's, and what of it is there for certain */
inline plan() {
#ifdef SELLALL
    to_close = shown;
#else
    to_close = (shown > IGNORED -> shown - IGNORED : 0);
#endif
#ifdef NOLAG
    now = to_close;
#else
    now = (to_close > sold -> to_close - sold : 0);
#endif
    nothing = (to_close == 0 && working == 0 && working_closing == 0);
    if :: working > 0 || working_closing > 0 -> now = 0 :: else fi
}

/* the broker's part of a closing: what another order holds cannot be closed */
inline close() {
    if
    :: now <= held - closing - executor -> closing = closing + now
    :: else /* rejected */
    fi
}

proctype Process(byte me) {
    byte working, working_closing, sold, strange, now;
    short shown, to_close;
    bool nothing, early;
endrest:
    atomic { at_work && FREE && !frozen[me] -> lock = me; last = me };
#ifdef POSITIONSFIRST
    d_step { read_positions() };
    d_step { read_orders() };
    d_step { read_fills() };
#else
    d_step { read_orders() };
    d_step { read_fills() };
    d_step { read_positions() };
#endif
    d_step { plan() };
    if
    :: d_step { MAYCRASH -> crashes++; let_go(me); forget() }; goto endrest
    :: atomic { MAYCRASH -> crashes++; frozen[me] = 1 }; atomic { frozen[me] = 0 }
    :: skip
    fi;
    /* cancel */
    if
    :: d_step { working > 0 && MAYCALL(me) -> executor = 0 }
    :: d_step { working > 0 && MAYCALL(me) && MAYLOSE -> lost++ }
    :: else
    fi;
    if
    :: d_step { MAYCRASH -> crashes++; let_go(me); forget() }; goto endrest
    :: atomic { MAYCRASH -> crashes++; frozen[me] = 1 }; atomic { frozen[me] = 0 }
    :: skip
    fi;
    /* close */
    if
    :: d_step { now > 0 && MAYCALL(me) -> close() ; own_known = 1 }
    :: d_step { now > 0 && MAYCALL(me) && MAYLOSE -> lost++; close() ; own_known = 0 }
    :: d_step { now > 0 && MAYCALL(me) && MAYLOSE -> lost++ }
    :: else
    fi;
    if
    :: d_step { MAYCRASH -> crashes++; own_known = 0; let_go(me); forget() }; goto endrest
    :: atomic { MAYCRASH -> crashes++; frozen[me] = 1 }; atomic { frozen[me] = 0 }
    :: skip
    fi;
    /* report: only by the round that is the last one */
    d_step {
        if
        :: at_work && last == me ->
            if
            :: !nothing -> found_flat = 0
#ifdef ONEREADING
            :: nothing ->
#else
            :: nothing && !found_flat -> found_flat = 1
#ifdef NOWAIT
            :: nothing && found_flat && strange > 0 -> skip
            :: nothing && found_flat && strange == 0 ->
#else
            :: nothing && found_flat && (strange > 0 || early) -> skip
            :: nothing && found_flat && strange == 0 && !early ->
#endif
#endif
                /* what the broker was read to say is so: nothing of the bot's is left, and no order works */
                assert(held == IGNORED && closing == 0 && executor == 0 && coming == 0);
                flat = 1; at_work = 0
            fi
        :: else
        fi;
        if :: lock == me -> lock = 0 :: else fi;
        forget()
    };
    goto endrest
}

/* fills, the delay of the list of positions, and an order that arrives late */
proctype Broker() {
endrest:
    do
    :: d_step { closing > 0 ->
        held = held - closing; recent = recent + closing;
        if :: !own_known -> foreign = foreign + closing :: else fi;
        closing = 0;
        assert(held >= IGNORED) }
    :: d_step { executor > 0 ->
        held = held - executor; recent = recent + executor; foreign = foreign + executor; executor = 0 }
    :: d_step { coming > 0 && coming <= held - closing - executor -> executor = coming; coming = 0 }
    :: d_step { coming > 0 && coming > held - closing - executor -> coming = 0 /* rejected */ }
    /* the list shows the fills; only then does their time run out */
    :: d_step { listed != held -> listed = held }
    :: d_step { listed == held && recent > 0 -> recent = 0; foreign = 0 }
    od
}

init {
    atomic {
        if
        :: executor = STOP
#if IGNORED == 0
        :: coming = STOP
#endif
        :: skip
        fi;
        run Process(1); run Process(2); run Broker()
    };
    timeout -> assert(flat)
}
