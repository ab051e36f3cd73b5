#!/bin/sh
# Check every model and every negative control; say one line for each.
# Exit 0 if each did what it must, 1 on any surprise, 77 (skipped) if a tool is missing.
#   --any-order   in every scenario the contexts begin in any order: minutes and gigabytes
set -u

order='' space='-DMEMLIM=1400'
if [ "${1:-}" = --any-order ]; then order=-DANY_ORDER space='-DCOLLAPSE -DMEMLIM=12000'; fi

here=$(cd "$(dirname "$0")" && pwd) || exit 1
cc=${CC:-gcc}
for tool in spin gcc "$cc"; do # spin itself runs gcc, as its preprocessor
    command -v "$tool" >/dev/null 2>&1 || { echo "models skipped: $tool is not installed"; exit 77; }
done

work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
cp "$here"/*.pml "$work" && cd "$work" || exit 1

checks=0 surprises=0

# model FILE SWITCHES small|big|cycles: build the checker that the checks after it run.
# big is worth optimising; cycles looks for a schedule that never ends.
model()
{
    file=$1 switches=$2
    case $3 in
    small) flags='-O0 -DSAFETY' options=-w20 ;;
    big) flags='-Og -DSAFETY' options=-w22 ;;
    cycles) flags='-O0 -DNP' options='-w20 -l' ;;
    esac
    rm -f pan pan.* ./*.trail
    # shellcheck disable=SC2086 # lists of words
    spin -a $order $switches "$file.pml" >log 2>&1 &&
        "$cc" $flags $space -w -o pan pan.c >>log 2>&1 || cat log
}

# verdict: what the checker's log says: ok, the name of the assertion that failed, or else its words.
verdict()
{
    said=$(sed -n 's/^pan:1: assertion violated *!(\([a-z_]*\)).*/\1/p' log)
    [ -n "$said" ] || said=$(sed -n 's/^pan:1: \(.*\)/\1/p' log | head -n 1)
    [ -n "$said" ] || said=$(sed -n 's/.*errors: 0$/ok/p' log)
    # A search cut short proves nothing.
    if [ "$said" = ok ] && grep -q 'out of memory\|too small\|not completed' log; then
        said='search cut short'
    fi
    echo "${said:-no verdict}"
}

# check WHAT FAULT EXPECTED: run the checker with a fault (none: -).  EXPECTED is ok or the assertion
# that must fail; got_here is one of them, of a run which asks whether a point is reached.
check()
{
    number=$([ "$2" = - ] && echo 0 || sed -n "s/^#define $2  *\([0-9]*\)\( .*\)*$/\1/p" "$file.pml" detector.pml | head -n 1)
    # shellcheck disable=SC2086 # lists of words
    FAULT=${number:?no fault named $2} ./pan -n -m20000 $options >log 2>&1
    said=$(verdict)
    states=$(sed -n 's/^ *\([0-9]*\) states, stored.*/\1/p' log)
    case $3 in
    ok) must='ok, as it must' ;;
    got_here) must='reached, as it must' ;;
    *) must="fails, as it must ($3)" ;;
    esac
    checks=$((checks + 1))
    if [ "$said" != "$3" ]; then
        must="SURPRISE: expected $3, got $said ($file.pml $switches, fault $2)"
        surprises=$((surprises + 1))
    fi
    printf '%-58s %8s  %s\n' "$1" "${states:-0}" "$must"
}

printf '%-58s %8s  %s\n' model states verdict

model ring '' small
check 'a  ABBA'                                         -                ok
check 'a  ABBA: a victim is possible'                   REACH_VICTIM     got_here
check 'a  ABBA: so is an end without one'               REACH_NO_VICTIM  got_here
check 'a  ABBA: a second closer finds the ring gone'    REACH_REJECTION  got_here
check 'a  ABBA, published with a plain store'           PLAIN_PUBLISH    missed
check 'a  ABBA, unlocked with a plain store'            PLAIN_UNLOCK     missed
check 'a  ABBA, no verification'                        NO_VERIFY        second_victim
check 'a  ABBA, no pass 3'                              NO_PASS3         second_victim
check 'a  ABBA, no detector lock'                       NO_DETECTOR_LOCK second_victim
model ring '' cycles
check 'a  ABBA: every schedule ends'                    -                ok
model ring -DA_TIMED small
check 'a  ABBA, one may time out'                       -                ok
check 'a  the same, victim not by deadline'             ANY_DEADLINE     false_alarm
model ring -DN=3 big
check 'a  ring of three'                                -                ok
check 'a  ring of three, published with a plain store'  PLAIN_PUBLISH    missed

model grant '' small
check 'b  grant in flight'                              -                ok
check 'b  grant in flight: evidence found and rejected' REACH_REJECTION  got_here
check 'b  grant in flight, holder first, wait after'    HOLDER_FIRST     false_alarm
check 'b  grant in flight, no pass 3'                   NO_PASS3         false_alarm
model grant -DW_TIMED small
check 'b  grant and timeout'                            -                ok
check 'b  grant and timeout: evidence found, rejected'  REACH_REJECTION  got_here
check 'b  grant and timeout, holder first, wait after'  HOLDER_FIRST     false_alarm
model grant -DW_TIMED cycles
check 'b  grant and timeout: every schedule ends'       -                ok

model nested '' small
check 'c  nested checkout: always one victim'           -                ok
check 'c  nested checkout: a victim is possible'        REACH_VICTIM     got_here
check 'c  nested checkout, no verification'             NO_VERIFY        second_victim
check 'c  nested checkout, no detector lock'            NO_DETECTOR_LOCK second_victim
model nested -DN=3 big
check 'c  a third behind the ring'                      -                ok
check 'c  a third behind the ring, any member may go'   ANY_MEMBER       second_victim

model stale '' small
check 'd  stale holders'                                -                ok
check 'd  stale holders: evidence found and rejected'   REACH_REJECTION  got_here
check 'd  stale holders, no pass 2'                     NO_PASS2         false_alarm
model stale -DABA big
check 'd  stale words'                                  -                ok
check 'd  stale words: a victim is possible'            REACH_VICTIM     got_here
check 'd  stale words, no epoch in pass 3'              NO_EPOCH         false_alarm

model writer '' small
check 'e  writer and readers'                           -                ok
check 'e  writer and readers, only closers act'         CLOSERS_ONLY     missed
model writer '' cycles
check 'e  writer and readers: every schedule ends'      -                ok
model writer -DS_LEAVES small
check 'e  one reader leaves'                            -                ok
check 'e  one reader leaves, first look: any running'   ANY_RUNNING      missed
model writer -DS_TIMED small
check 'e  one reader may time out'                      -                ok
check 'e  one reader may time out, no second look'      NO_RETRY         missed

model tangle '' big
check 'f  tangle of three writers: always two victims'  -                ok
check 'f  tangle, only victims that help'               USEFUL_ONLY      missed
check 'f  tangle, one victim a look'                    ONE_KILL         missed

model cancel '' small
check 'g  request and wait'                             -                ok
check 'g  the request may end the wait'                 REACH_BY_ASKER   got_here
check 'g  so may the wait itself'                       REACH_BY_SELF    got_here
check 'g  so may a grant'                               REACH_GRANTED    got_here
check 'g  begun with a plain store'                     PLAIN_BEGIN      missed
check 'g  requested with a plain store'                 PLAIN_REQUEST    missed
check 'g  the wait looks before it begins'              LOOK_FIRST       missed
check 'g  the record is not pinned'                     NO_PIN           dead_token

model bias '' big
check 'h  biased slot'                                  -                ok
check 'h  biased slot: checkout, seen lent'             REACH_OUT_LENT   got_here
check 'h  biased slot: checkout, seen idle'             REACH_OUT_IDLE   got_here
check 'h  biased slot: checkin, seen lent'              REACH_IN_LENT    got_here
check 'h  biased slot: checkin, seen idle'              REACH_IN_IDLE    got_here
check 'h  biased slot: stored while another owns it'    REACH_LATE       got_here
check 'h  biased slot, no barrier'                      NO_HEAVY         missed
check 'h  biased slot, no second look in checkout'      NO_LOOK_OUT      stale_return
check 'h  biased slot, no second look in checkin'       NO_LOOK_IN       missed
check 'h  biased slot, one busy for all owners'         ONE_BUSY         missed
check 'h  biased slot, no tag left out'                 SAME_TAG         stale_return
check 'h  biased slot, who queues leaves the bias'      QUEUE_BIASED     missed
model bias -DN=3\ -DPAIRS=1 big
check 'h  biased slot, three contexts'                  -                ok
check 'h  the same, no barrier'                         NO_HEAVY         missed
model bias -DCOPY\ -DPAIRS=2 big
check 'h  a copy of a lease is returned too'            -                ok
check 'h  the same: the copy may be first'              REACH_BOTH       got_here
check 'h  the same, all else is taken for seen idle'    ANY_RETURN       returned_twice
model bias -DTAKERS\ -DPAIRS=1 big
check 'h  others take the bias back'                    -                ok
model bias -DTAKERS\ -DPAIRS=2 big
check 'h  the same: something was marked since'         REACH_REMARKED   got_here
check 'h  the same, judged all the same'                NO_MARKS         missed
check 'h  the same, one note of idle for all owners'    ONE_TAG          stale_return
model bias -DCLEAR\ -DPAIRS=2 big
check 'h  biased slot and clear'                        -                ok
check 'h  the same, earned by an earlier look'          EARN_EARLY       stale_loan
check 'h  the same, clear does not look at the count'   NO_COUNT         stale_loan

model pass '' small
check 'i  let pass'                                     -                ok
check 'i  let pass: somebody is'                        REACH_PASSED     got_here
check 'i  let pass: it comes too late'                  REACH_TOO_LATE   got_here
check 'i  let pass: claimed for one whose wait is over' REACH_ENDED      got_here
check 'i  let pass, who leaves serves nobody'           NO_LEAVE         missed
check 'i  let pass, whatever it waits for now'          NO_WORD          passed_other
check 'i  let pass, what was claimed is not given back' NO_GIVE_BACK     unit_lost
model pass -DPATIENT small
check 'i  let pass, the first never leaves'             -                ok
check 'i  the same, and is not served'                  NO_SERVE         missed
check 'i  the same, but to the end'                     AT_THE_END       missed

model request '' small
check 'j  request'                                      -                ok
check 'j  request: a grant goes back'                   REACH_BACK       got_here
check 'j  request: a cancel finds the outcome'          REACH_CHANGED    got_here
check 'j  request: freed by its user'                   REACH_BY_USER    got_here
check 'j  request: freed by the courier'                REACH_BY_COURIER got_here
check 'j  request, flagged without the lock'            NO_LOCK          used_freed
check 'j  request, freed without the lock'              NO_DISMISS       used_freed
check 'j  request, freed while it is told'              NO_TELLING       used_freed
check 'j  request, published over a flag'               BLIND_PUBLISH    missed
check 'j  request, a cancel that does not notify'       NO_NOTIFY        missed
check 'j  request, a cancelled grant is kept'           KEEP_GRANT       unit_lost
model request -DPOLLS small
check 'j  request, polled'                              -                ok

model resize '' small
check 'k  shrink and a fast checkin'                    -                ok
check 'k  the returner closes it'                       REACH_BY_F       got_here
check 'k  the resizer closes it'                        REACH_BY_Z       got_here
check 'k  the control word stays'                       NO_CONTROL       surplus_left
check 'k  the resizer does not look'                    NO_LOOK          surplus_left
check 'k  the returner does not look again'             NO_RELOAD        surplus_left
model resize -DLOOKS small
check 'k  shrink and a look'                            -                ok
check 'k  a look that is void'                          REACH_VOID       got_here
check 'k  waits are ended after the change'             END_LATE         false_alarm
check 'k  waits are not ended'                          END_NONE         false_alarm

model rwlock '' small
check 'l  rwlock'                                       -                ok
check 'l  rwlock: a wait is handed the lock'            REACH_HANDED     got_here
check 'l  rwlock: a wait is woken to look'              REACH_WOKEN      got_here
check 'l  rwlock: a reader counts itself in vain'       REACH_IN_VAIN    got_here
check 'l  rwlock: a reader sees the writer go'          REACH_SPUN       got_here
check 'l  rwlock, no look at the word after the flag'   NO_LOOK_BACK     missed
check 'l  rwlock, in vain, and nobody served'           NO_ANSWER        missed
check 'l  rwlock, a count is believed at once'          BELIEVE          beside
check 'l  rwlock, who was woken leaves it at that'      NO_CHAIN         missed
model rwlock -DBEHIND small
check 'l  a reader behind a writer that gives up'       -                ok
check 'l  the same, it just goes'                       NO_SETTLE        missed
model rwlock -DROUNDS=2 big
check 'l  rwlock, twice each'                           -                ok
check 'l  the same, handed whoever is counted'          BLIND_HAND       beside
check 'l  the same, a grant believed without the lock'  NO_BUCKET        missed
model rwlock -DUPGRADE_FIRST big
check 'l  two who upgrade, one timed'                   -                ok
check 'l  the same, somebody queues ahead of them'      ANY_FIRST        missed

model several '' big
check 'm  any of two'                                   -                ok
check 'm  any of two: what it wants is handed over'     REACH_GRANTED    got_here
check 'm  any of two: woken, and nothing is there'      REACH_IN_VAIN    got_here
check 'm  any of two: two end it at once'               REACH_BOTH       got_here
check 'm  any of two, queued before it has begun'       ENTER_FIRST      missed
check 'm  any of two, no look from the queue'           NO_LOOK          missed
check 'm  any of two, flag and look apart'              LOOK_TWICE       missed
check 'm  any of two, two may end one wait'             SPLIT_END        lost
check 'm  any of two, which one it was, without lock'   NO_LOCK          wrong_winner
model several -DE_FIRST big
check 'm  the event looked at first'                    -                ok
check 'm  the same: woken for one, has the other'       REACH_OTHER      got_here
check 'm  the same, and tells nobody behind'            NO_PASS_ON       missed
check 'm  the same, a branch that won before'           ANY_WON          wrong_winner
model several -DTIMED\ -DE_FIRST big
check 'm  it may time out'                              -                ok
model several -DAGAIN small
check 'm  it waits again, for one of them'              -                ok
check 'm  the same, still in the queue of the other'    STAY             wrong_winner
model several -DJOIN small
check 'm  the end of a context among them'              -                ok
check 'm  the same, the joiner counted plainly'         PLAIN_COUNT      missed
check 'm  the same, the id taken back plainly'          PLAIN_END        missed

model guest '' small
check 'n  a guest in the queue of permits'              -                ok
check 'n  a guest: one behind is served'                REACH_PASSED     got_here
check 'n  a guest: it goes by the other thing'          REACH_SIGNAL     got_here
check 'n  a guest, ahead like everybody'                NO_GUEST         missed
check 'n  a guest, who leaves serves nobody'            NO_LEAVE         missed
check 'n  a guest, no look from the queue'              NO_LOOK          missed
model guest -DKEEPS small
check 'n  woken, and becomes a guest again'             -                ok
check 'n  the same: there is not enough'                REACH_IN_VAIN    got_here
check 'n  the same, and serves nobody'                  NO_SERVE         missed

model duty '' small
check 'o  a setter withdraws'                           -                ok
check 'o  a setter withdraws: that closes the ring'     REACH_VICTIM     got_here
check 'o  a setter withdraws: a look is void'           REACH_VOID       got_here
check 'o  a setter withdraws, nobody looks again'       NO_WAKE          missed
check 'o  a setter withdraws, begun without the lock'   NO_BUCKET        missed
model duty -DTRANSFER small
check 'o  a setter hands its duty on'                   -                ok
check 'o  the same, nobody looks again'                 NO_WAKE          missed
model duty -DDECLARE small
check 'o  a setter is declared'                         -                ok
check 'o  the same, the waits ended after it'           WAKE_AFTER       false_alarm
check 'o  the same, no verification'                    NO_VERIFY        false_alarm
model duty -DEXIT small
check 'o  the last setter ends'                         -                ok
check 'o  the same: the waiter is told'                 REACH_BROKEN     got_here
check 'o  the same, nobody looks again'                 NO_WAKE          missed
model duty -DSETTLE small
check 'o  a setter is declared as it ends'              -                ok
check 'o  the same: seen by who declared it'            REACH_BY_ADDER   got_here
check 'o  the same, not looked at'                      NO_SETTLE        missed
check 'o  the same, the id taken back plainly'          PLAIN_EXIT       missed
check 'o  the same, the mark a plain store'             PLAIN_SETTLE     missed

model overtake '' small
check 'p  waiters that may be passed'                   -                ok
check 'p  one comes in vain'                            REACH_PASSED     got_here
check 'p  a return while one comes'                     REACH_ATTENDED   got_here
check 'p  a return while one dozes'                     REACH_DOZE       got_here
check 'p  the return looks first'                       LOOK_FIRST       missed
check 'p  the flag is set after the scan'               NO_FLAG          missed
check 'p  who arrives does not look again'              NO_ARRIVE        missed
check 'p  who arrives looks, and is counted out then'   LATE_COUNT       missed
check 'p  who ends a doze does not look'                NO_LOOK          missed
model overtake -DCANCELS small
check 'p  a dozer that is cancelled'                    -                ok
check 'p  the same, looks for nobody else'              NO_FOLLOW        missed

model unread '' big
check 'q  readers that are not counted'                 -                ok
check 'q  one comes too late, and is counted'           REACH_LATE       got_here
check 'q  one is counted, and has gone meanwhile'       REACH_GONE       got_here
check 'q  one is counted inside'                        REACH_TOLD       got_here
check 'q  it does not look at the word'                 NO_LOOK          beside
check 'q  no barrier'                                   NO_HEAVY         beside
check 'q  a retreat by a plain store'                   PLAIN_RETREAT    missed
check 'q  an end by a plain store'                      PLAIN_END        missed
check 'q  told by a plain store'                        PLAIN_COUNT      missed
check 'q  who has gone stays counted'                   KEEP_COUNT       missed
check 'q  a bias is given while somebody is queued'     GIVE_QUEUED      missed
check 'q  somebody queues while it is biased'           QUEUE_BIASED     missed
model unread -DN=4\ -DROUNDS=1 big
check 'q  two writers'                                  -                ok
check 'q  two revoke at once'                           REACH_TWICE      got_here
check 'q  a revoker that goes wakes the other'          REACH_SERVED     got_here
check 'q  told before it is counted'                    TELL_FIRST       beside
check 'q  the revoker is not counted himself'           NO_SELF          beside

echo "$checks checks, $surprises surprises"
[ "$surprises" -eq 0 ]
