# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the gyre authors
# The rows of run.sh: size (quick, proof, all: the smallest set it belongs to), expected verdict, model, what is varied,
# options. Verdicts: ok (no error, search complete); bad (a rule is left out: an assertion must fail); live (no cycle:
# every schedule ends); cycle (a rule is left out: an endless schedule must be found); fair (under weak fairness what is
# promised comes about); starve (it need not: a fair schedule without it must be found).
# shellcheck shell=sh disable=SC2086

# Validated pins
row quick ok  pins 'get, put of another key, sweep, freer'
row all   ok  pins 'two freers, no get' -DNFR=2 -DNG=0
row quick ok  pins 'a sweep parked and taken up by another' -DNSW=2 -DSWN=1 -DPARK=1 -DNG=0
row quick ok  pins 'sweepers may die' -DNSW=2 -DSWN=1 -DPARK=1 -DDIE=1 -DNG=0
row quick ok  pins 'readers fence, no membarrier' -DFENCED -DNOMB
row quick bad pins 'no second look' -DNOLOOK
row quick bad pins 'no membarrier' -DNOMB
row proof bad pins 'membarrier after the look at the pins' -DMBLATE
row quick bad pins 'membarrier before the arena was seen retired' -DMBEARLY
row quick bad pins 'pins read before the slots are emptied' -DEARLY -DNFR=0
row quick bad pins 'a pin copied to another place' -DCOPY
row quick bad pins 'freeing does not compare the generation' -DNOGEN -DNFR=2
row quick bad pins 'put: plain pin before its state check' -DPUTRLX
row quick bad pins 'put: no state check' -DPUTNOST
row quick bad pins 'sweep does not pin the arena it copies into' -DCOPYNOPIN -DNA=3 -DNSW=2 -DNG=0
row quick bad pins 'a dead sweeper'"'"'s arena taken up without a look at pins' -DDIE=1 -DNSW=2 -DPARK=1 -DSWN=1 -DDIEPARK
row quick bad pins 'mover: no state check' -DMOV=1 -DNG=0 -DMNOST
row quick bad pins 'mover: plain pin before its state check' -DMOV=1 -DNG=0 -DMRLX
row quick bad pins 'mover: goes on unless SWEEPING' -DMOV=1 -DNG=0 -DMNOTSW
row proof bad pins 'mover: goes on in PARKED' -DMOV=1 -DMPARK -DPARK=1
row proof bad pins 'mover: no second look' -DMOV=1 -DMNOLOOK
row proof bad pins 'compared word not pinned until the CAS (put)' -DNOCMP -DNPUT=2
row proof bad pins 'compared word not pinned until the CAS (REPLACE)' -DNOCMP -DNPUT=2 -DO1=REPL
row proof bad pins 'compared word not pinned until the CAS (delete)' -DNOCMP -DNPUT=2 -DO1=DEL
row proof ok  pins 'a sweep parked and taken up by another, get' -DNSW=2 -DSWN=1 -DPARK=1
row proof ok  pins 'two puts' -DNPUT=2
row all   ok  pins 'put and REPLACE' -DNPUT=2 -DO1=REPL
row all   ok  pins 'put and delete' -DNPUT=2 -DO1=DEL
row proof ok  pins 'two puts, two freers' -DNPUT=2 -DNFR=2 -DNG=0
row all   ok  pins 'two gets, freer twice' -DNG=2 -DFRN=2
row proof ok  pins 'three arenas' -DNA=3
row all   ok  pins 'two freers' -DNFR=2
row proof ok  pins 'sweepers may die, get' -DNSW=2 -DSWN=1 -DDIE=1
row all   ok  pins 'mover' -DMOV=1
row all   ok  pins 'mover, parked sweeps' -DMOV=1 -DPARK=1 -DNG=0
row all   ok  pins 'mover, two sweepers, parked' -DMOV=1 -DPARK=1 -DNSW=2 -DSWN=1 -DNG=0
row all   ok  pins 'put does not compare the generation (not needed)' -DPUTNOGEN -DINITOPEN=1 -DNPUT=2 -DNG=0

# One table: the slot protocol, conditional puts
O="-DDOLD=1 -DP4OLD=1 -DP2OLD=1"; M="-DNM=1 -DMTRY=2 -DMEXCL"; G3="-DNS=3 -DNNEW=2 -DNP=2"; G4="-DNS=4 -DNNEW=2 -DNP=2"
row quick ok  index '2 puts, delete, eviction' -DNS=2 -DNP=2 -DND=1 -DEV=1
row proof bad index 'CE7: step 4 loads not seq_cst' -DNS=2 -DNP=2 -DEV=1 -DRD=1 -DHOIST
row quick bad index 'CE8: no step 4' -DNS=2 -DNP=2 -DEV=1 -DRD=1 -DNO4
row proof bad index 'CE9: no T flag' -DNS=3 -DNP=2 -DEV=1 -DRD=1 -DNOT
row quick ok    growth 'one table: 2 ADD, put' -DCASE=0 -DO2=PUT
row quick live  growth 'one table: 2 ADD' -DCASE=0
row quick cycle growth 'one table: 2 ADD, no bound on retries' -DCASE=0 -DRMAX=0
row proof bad   growth 'one table: ADD answers OK with its T word lost' -DCASE=0 -DLOSTOK
row proof bad   growth 'one table: ADD without step 4' -DCASE=0 -DNO4
row proof bad   growth 'one table: ADD writes over a committed word in step 4' -DCASE=0 -DASPUT
row proof bad   growth 'one table: IF_VERSION replaces another word than it checked' -DCASE=0 -DCHKLATE -DO0=IFV -DO1=PUT
row all   ok  index '2 puts, delete, eviction, 3 slots' -DNS=3 -DNP=2 -DND=1 -DEV=1
row all   ok  index '2 puts, delete, eviction, 2 frequency changes' -DNS=3 -DNP=2 -DND=1 -DEV=1 -DBU=2 $O
row proof ok  index '2 puts, eviction, real reader' -DNS=3 -DNP=2 -DEV=1 -DRD=1 -DNG=3
row all   ok  index '2 puts, eviction, 2 real readers' -DNS=3 -DNP=2 -DEV=1 -DRD=2 -DNG=2
row all   ok  index 'nothing is lost: 3 puts' -DNS=3 -DNP=3 -DNOLOSS -DOT=2
row all   live index '3 puts, delete' -DNS=3 -DNP=3 -DND=1
row all   ok  index '3 puts, eviction, dead T word, 4 slots' -DNS=4 -DNP=3 -DEV=1 -DINITDEAD=1 $O
row all   ok  index '3 puts, delete, eviction' -DNS=3 -DNP=3 -DND=1 -DEV=1
row all   ok  index '2 puts, delete, 2 evictions, relocation, dead T word' -DNS=3 -DNP=2 -DND=1 -DEV=2 -DRL=1 -DBU=1 -DOT=1 -DINITDEAD=1
row all   ok  index '2 puts, delete, eviction, relocation, 4 slots' -DNS=4 -DNP=2 -DND=1 -DEV=1 -DRL=1 -DOT=1
row proof bad index 'CE10: kill-all loses both' -DNS=3 -DNP=2 -DPROTO=2 -DNOLOSS
row proof cycle index 'CE11: withdraw and retry' -DNS=3 -DNP=3 -DPROTO=3 -DOT=1 $O
row quick ok  index 'step 2 left out: 2 puts, delete, eviction' -DNS=3 -DNP=2 -DND=1 -DEV=1 -DUNSEEN
row proof ok  index 'step 2 left out: 2 puts, eviction, real reader' -DNS=3 -DNP=2 -DEV=1 -DRD=1 -DNG=3 -DUNSEEN
row all   ok    growth 'one table: 2 ADD, put, eviction, dead T word' -DCASE=0 -DO2=PUT -DEV=1 -DINITDEAD=1
row all   ok    growth 'one table: 2 ADD, delete, eviction' -DCASE=0 -DO2=DEL -DEV=1
row all   ok    growth 'one table: 3 ADD, 3 slots' -DCASE=0 -DNS=3 -DO2=ADD
row all   ok    growth 'one table: ADD, IF_VERSION, put, eviction, 3 slots' -DCASE=0 -DNS=3 -DO1=IFV -DO2=PUT -DEV=1
row all   ok    growth 'one table: ADD, REPLACE, put, eviction' -DCASE=0 -DO1=REPL -DO2=PUT -DEV=1
row all   live  growth 'one table: 2 ADD, put, eviction' -DCASE=0 -DO2=PUT -DEV=1

# A table that moves to another: the rules of the mover and of the scans
row proof bad index 'CE1: delete new first' $G3 -DND=1 -DNM=1
row proof bad index 'CE5: delete spares T words' $G3 -DND=1 $M -DMNOSCAN -DDSKIPT $O
row proof bad index 'CE6: growth in one step' -DNS=3 -DNNEW=1 -DNP=2 -DEV=1 $M -DPH -DPHNAIVE $O
row proof bad index 'CE2: put step 2 new first' $G3 -DEV=1 $M -DDOLD=1
row proof bad index 'CE3: put step 4 new first' $G4 -DEV=1 $M -DDOLD=1 -DP2OLD=1 -DINITDEAD=1
row proof bad index 'CE3b: the same with phases' -DNS=3 -DNNEW=1 -DNP=2 -DEV=1 $M -DMNOSCAN -DPH -DPHEVICT -DDOLD=1 -DP2OLD=1
row proof bad index 'CE4: two movers' $G4 -DEV=1 -DNM=2 $O
row proof ok  index 'mover: delete, eviction, it may die' $G3 -DND=1 -DEV=1 $M -DMNOSCAN -DMCRASH $O
row all   ok  index 'mover: eviction, relocation, frequency changes' $G3 -DEV=1 -DBU=2 -DRL=1 $M -DMNOSCAN $O
row all   ok  index 'mover: 3 puts, nothing is lost' -DNS=3 -DNNEW=2 -DNP=3 -DNOLOSS -DOT=1 $M -DMNOSCAN $O
row all   live index 'mover: delete, eviction, relocation' $G3 -DND=1 -DEV=1 -DRL=1 $M -DMNOSCAN $O
row all   ok  index 'mover: real reader, new first' $G3 -DNM=1 -DMEXCL -DMNOSCAN -DRD=1 -DNG=2 -DGOLD=0 $O
row all   ok  index 'mover: real reader, old first' $G3 -DNM=1 -DMEXCL -DMNOSCAN -DRD=1 -DNG=2 -DGOLD=1 $O

# Displacement: puts insert anywhere, one mover takes words from the last slot to others
D="-DNNEW=2 -DNP=2 -DNINS=3"
row proof ok  index 'displace: 2 puts, delete, eviction, it may die' -DNS=3 $D -DND=1 -DEV=1 $M -DMNOSCAN -DMCRASH $O
row all   ok  index 'displace: 2 puts, eviction, 4 slots' -DNS=4 -DNNEW=2 -DNP=2 -DNINS=4 -DEV=1 $M -DMNOSCAN $O
row all   ok  index 'displace: 2 puts, eviction, relocation, frequency changes' -DNS=3 $D -DEV=1 -DBU=1 -DRL=1 $M -DMNOSCAN $O
row all   ok  index 'displace: 2 puts, delete, to one slot' -DNS=3 -DNNEW=1 -DNP=2 -DNINS=3 -DND=1 -DEV=1 $M -DMNOSCAN $O
row proof bad index 'displace: two at once' -DNS=4 -DNNEW=2 -DNP=2 -DNINS=4 -DEV=1 -DNM=2 $O -DMNOSCAN
row proof bad index 'displace: put step 2 looks at the second bucket first' -DNS=3 $D -DEV=1 $M -DDOLD=1 -DMNOSCAN
row proof bad index 'CE12: displace: step 2 left out' -DNS=3 $D -DEV=1 $M -DMNOSCAN $O -DUNSEEN
row proof bad index 'displace: delete looks at the second bucket first' -DNS=3 $D -DND=1 -DNM=1 -DMNOSCAN

# Growth in place
row proof ok  inplace '2 puts' -DNP=2
row proof bad inplace 'IP1: delete image first' -DNP=1 -DND=1 -DQ0=2 -DQ1=0 -DQ2=1 -DQ3=3
row quick bad inplace 'IP5: mover without pin and check' -DNP=1 -DSW=1 -DMV=0
row quick bad inplace 'IP9: sweep reads pins before it stores SWEEPING' -DNP=1 -DSW=1 -DSV=1
row all   ok  inplace '2 puts, delete, eviction' -DNP=2 -DND=1 -DEV=1
for order in '0 1 2' '0 2 1' '1 0 2' '1 2 0' '2 0 1' '2 1 0'; do
    set -- $order
    row all ok inplace "2 puts, eviction, others evict, slot order $order" -DNP=2 -DEV=1 -DMCRASH -DPHEVICT \
        -DR0="$1" -DR1="$2" -DR2="$3"
done
row proof ok  inplace 'both buckets move: 2 puts, eviction' -DCASE=2 -DNP=2 -DEV=1 -DPHEVICT
row proof ok  inplace '2 puts, real gets of any slot in any order' -DNP=2 -DRD=1
row proof ok  inplace 'sweep: put in the arena' -DNP=1 -DSW=1 -DXP=2
row all   ok  inplace 'sweep: one pass' -DNP=1 -DSW=1 -DSONE
row all   ok  inplace 'sweep: not counted in the phases' -DNP=1 -DSW=1 -DSNC
row all   ok  inplace 'sweep: images first' -DNP=1 -DSW=1 -DW0=2 -DW1=0 -DW2=1 -DW3=3
row all   ok  inplace 'sweep: 2 puts' -DNP=2 -DSW=1 -DXP=2
row all   ok  inplace 'sweep: put, delete, puts may die' -DNP=1 -DND=1 -DSW=1 -DXP=2 -DCRASHOP
row proof ok  inplace 'sweep: real pinning get' -DNP=1 -DSW=1 -DXP=2 -DRD=1
row proof bad inplace 'IP2: put step 2 image first' -DNP=2 -DEV=1 -DQ0=2 -DQ1=0 -DQ2=1 -DQ3=3
row proof bad inplace 'IP3: put step 4 image first' -DNP=2 -DP0=2 -DP1=0 -DP2=1 -DP3=3
row proof bad inplace 'IP4: growth in one step' -DNP=2 -DPHNAIVE
row proof bad inplace 'IP6: mover: pin, not SWEEPING' -DNP=1 -DSW=1 -DMV=1
row proof bad inplace 'IP7: mover: pin, second look, not SWEEPING' -DNP=1 -DSW=1 -DMV=2
row proof bad inplace 'IP8: mover: state, pin, second look' -DNP=1 -DSW=1 -DMV=5
row proof bad inplace 'IP10: something is lost' -DNP=2 -DNOLOSS

# Conditional puts while a shard grows in place, and two doublings in a row
row quick ok    growth '2 ADD'
row proof ok    growth 'put, REPLACE' -DO0=PUT -DO1=REPL
row proof ok    growth 'two doublings (0-2, 1-3): 2 ADD' -DCASE=3 -DOTH=0
row quick ok    growth 'two doublings (0-2, 2-3): 2 ADD' -DCASE=4 -DOTH=0
row quick live  growth 'ADD, put, no bound, movers wait for phase 1' -DOTH=0 -DRMAX=0 -DO1=PUT -DMW
row all   live  growth 'ADD, put, no bound, ADD takes its phase anew' -DOTH=0 -DRMAX=0 -DO1=PUT -DREENTER
row quick cycle growth 'ADD alone, no bound, movers do not wait' -DOTH=0 -DRMAX=0 -DO1=NONE
row quick bad   growth 'ADD answers OK with its T word lost' -DLOSTOK
row quick bad   growth 'ADD without step 4' -DNO4
row quick bad   growth 'ADD writes over a committed word in step 4' -DASPUT
row quick bad   growth 'growth in one step, 2 ADD' -DPHNAIVE -DOTH=0
row quick bad   growth 'delete image first' -DIMGD -DO0=NONE -DO1=DEL
row proof bad   growth 'delete spares T words' -DDELT -DO0=NONE -DO1=DEL
row proof bad   growth 'step 4 image first, 2 ADD' -DIMG4 -DOTH=0
row quick bad   growth 'IF_VERSION replaces another word than it checked' -DCHKLATE -DO0=IFV -DO1=PUT -DOTH=0
row proof bad   growth 'REPLACE writes over a T word' -DBLIND -DO0=REPL -DO1=PUT -DOTH=0
row quick bad   growth 'second doubling does not wait for phase 2 of the first' -DCASE=4 -DO0=PUT -DO1=PUT -DOTH=0 -DRUNON
row all   ok    growth 'step 2 image first, 2 ADD, eviction (harmless)' -DIMG2 -DEV=1 -DOTH=0
row proof bad   growth 'step 4 image first, ADD and put' -DIMG4 -DO1=PUT -DOTH=0
row proof bad   growth 'step 2 image first, 2 puts' -DIMG2 -DO0=PUT -DO1=PUT -DEV=1 -DOTH=0
row all   ok    growth '2 ADD, eviction' -DEV=1
row all   ok    growth '2 ADD, put' -DO2=PUT -DOTH=0
row all   ok    growth '2 ADD, delete' -DO2=DEL -DOTH=0
row all   ok    growth 'ADD, IF_VERSION, eviction' -DO1=IFV -DEV=1 -DOTH=0
row proof ok    growth 'ADD, IF_VERSION, put' -DO1=IFV -DO2=PUT -DOTH=0
row all   ok    growth 'ADD, REPLACE, put' -DO1=REPL -DO2=PUT -DOTH=0
row all   ok    growth 'IF_VERSION, REPLACE, delete, eviction' -DO0=IFV -DO1=REPL -DO2=DEL -DOTH=0 -DEV=1
row all   ok    growth 'IF_VERSION, IF_VERSION, put' -DO0=IFV -DO1=IFV -DO2=PUT -DOTH=0
row all   ok    growth '2 puts, eviction, mover may die, others evict' -DO0=PUT -DO1=PUT -DEV=1 -DMCRASH -DPHEVICT
row proof ok    growth '2 ADD, eviction, mover may die, others evict' -DEV=1 -DMCRASH -DPHEVICT -DOTH=0
row all   ok    growth '2 ADD, eviction, dead T word' -DEV=1 -DINITDEAD=1 -DOTH=0
row all   ok    growth 'both buckets move: 2 ADD' -DCASE=2
row all   ok    growth 'both buckets move: 2 ADD, eviction' -DCASE=2 -DEV=1 -DOTH=0
row all   ok    growth 'both buckets move: ADD, put' -DCASE=2 -DO1=PUT
row all   ok    growth 'both buckets move: ADD, delete, eviction' -DCASE=2 -DO1=DEL -DEV=1 -DOTH=0
row all   ok    growth 'two doublings (0-2, 1-3): 2 puts, eviction' -DCASE=3 -DO0=PUT -DO1=PUT -DEV=1 -DOTH=0
row proof ok    growth 'two doublings (0-2, 2-3): 2 puts, eviction' -DCASE=4 -DO0=PUT -DO1=PUT -DEV=1 -DOTH=0
row all   ok    growth 'two doublings (0-2, 2-3): put, delete, eviction' -DCASE=4 -DO0=PUT -DO1=DEL -DEV=1 -DOTH=0
row all   ok    growth 'two doublings (0-2, 1-3): 2 ADD, eviction, others evict' -DCASE=3 -DEV=1 -DOTH=0 -DPHEVICT -DMCRASH
row all   live  growth '2 ADD, eviction' -DOTH=0 -DEV=1
row all   live  growth '2 puts, delete' -DO0=PUT -DO1=PUT -DO2=DEL -DOTH=0
row all   live  growth 'ADD, REPLACE, eviction' -DOTH=0 -DO1=REPL -DEV=1
row all   live  growth 'two doublings (0-2, 1-3): ADD, put, no bound' -DCASE=3 -DOTH=0 -DRMAX=0 -DO1=PUT -DREENTER
row all   ok    growth '2 ADD, ADD takes its phase anew' -DREENTER
row all   ok    growth '2 ADD, put, empty at start' -DO2=PUT -DOTH=0 -DINITW=0
row all   ok    growth '2 ADD, put, movers wait for phase 1' -DO2=PUT -DOTH=0 -DMW

# Sections and grace periods; threads that stop, exit, die
S1="-DTURNS=1"; F1="-DFORK=1 -DTURNS=1 -DWORKER=0"; OT="-DOTHERS -DSTOP=2 -DTURNS=1"
row quick ok     sections 'two users, worker, two grace periods'
row quick ok     sections 'a record let go and claimed by another' -DNR=1
row quick ok     sections 'readers fence, no membarrier' -DFENCED -DNOMB
row quick ok     sections 'fork: reaped by the child' $F1
row proof ok     sections 'liburcu: two machines share grace periods' -DLOCAL -DNM=2 $S1
row quick bad    sections 'liburcu: covers what was drawn meanwhile' -DLOCAL -DNM=2 $S1 -DCOVERLATE
row quick bad    sections 'no membarrier' -DNOMB
row quick bad    sections 'membarrier after the look' -DMBLATE
row quick bad    sections 'state read before the section is stored' -DREADFIRST
row quick bad    sections 'section cleared before the last access' -DENDEARLY
row quick bad    sections 'a record in use above n_records_used' -DNOANN
row quick bad    sections 'a record claimed before it is announced: not reaped' $F1 -DANNLATE
row quick bad    sections 'cookie one too small' -DCOOKIE
row quick bad    sections 'epoch raised before the state changes' -DSTARTFIRST
row quick bad    sections 'record let go before its section is cleared' -DLETGO -DNR=1
row quick fair   sections 'fork: after reaping grace periods elapse' -DREAPED $F1
row quick starve sections 'fork: sections of the dead are not cleared' -DREAPED $F1 -DNOREAP
row quick starve sections 'a stopped reader holds up growth' -DELAPSE -DSTOP=1 $S1
row proof fair   sections 'one stops anywhere: all others finish' $OT -DOPS=2
row quick starve sections 'a put waits for the grace period' $OT -DWAITS
row quick starve sections 'a put waits for the driver' $OT -DLOCKS
row proof fair   sections 'nobody stops: all turns are done' -DELAPSE
row proof ok     sections 'three users, two records' -DNT=3 -DNR=2 $S1
row proof ok     sections 'two machines' -DNM=2 $S1
row proof ok     sections 'n_records_used loaded before the membarrier (harmless)' -DUSEDEARLY
row proof ok     sections 'put and sweep' -DOPS=2
row proof ok     sections 'fork with worker' -DFORK=1 -DTURNS=1
row all   ok     sections 'fork, put and sweep' $F1 -DOPS=2
row all   ok     sections 'fork, two machines' $F1 -DNM=2
row all   ok     sections 'put and sweep, one record' -DNR=1 -DOPS=2
row all   fair   sections 'one stops anywhere: lookup, sweep and put finish' $OT -DOPS=3
row all   fair   sections 'fork with worker: after reaping grace periods elapse' -DREAPED -DFORK=1 -DTURNS=1

# The same, and each user is a process, which may die
DE="-DDEATHS=1"; D1="$DE -DTURNS=1"
row quick ok     sections 'a process dies' $D1
row proof ok     sections 'a process dies, two grace periods' $DE
row all   ok     sections 'two of three die, two records' -DDEATHS=2 -DNT=3 -DNR=2 -DTURNS=1
row quick bad    sections 'deaths: the membarrier is of the own process' $D1 -DPRIVATEMB
row quick bad    sections 'deaths: a section that lasts is one of the dead' $D1 -DUNPROVED
row quick bad    sections 'deaths: record let go before its section is cleared' $DE -DNR=1 -DREAPLETGO
row proof bad    sections 'deaths: two clear up at once' $DE -DNT=3 -DNR=2 -DTWOREAP
row proof bad    sections 'deaths: the dead driver'"'"'s grace period' $D1 -DKEEPCOOKIE
row proof bad    sections 'deaths: the dead driver'"'"'s stage' $DE -DKEEPSTAGE
row proof fair   sections 'deaths: all turns are done' -DELAPSE $D1
row proof starve sections 'deaths: nobody clears up' -DELAPSE $D1 -DNOREAP
row quick starve sections 'deaths: the try-lock is kept' -DELAPSE $D1 -DKEEPDRIVER

# The table of members
ML="-DLEASE -DNR=1"
row quick ok  members 'one joins, leaves, may die' -DNP=1 -DLIVES=2
row quick ok  members 'two for one place' -DNPL=1
row quick ok  members 'two for one place, both may die' -DNPL=1 -DNAPS=0 -DDEATHS=2
row quick ok  members 'two for one place, role, lease' -DNPL=1 -DROLE $ML
row quick bad members 'the lock is taken after the claim' -DLOCKLATE
row proof bad members 'the lock is given up before the place' -DUNLOCKFIRST -DAPART
row proof bad members 'a place is not announced' -DNOANN
row proof bad members 'the identity is written after JOINED' -DIDLATE -DDEATHS=2
row quick bad members 'a name is used again' -DNOGEN -DAPART -DLIVES=2 -DNP=1 -DDEATHS=0
row quick bad members 'the place is freed first' -DFREEFIRST -DDEATHS=2
row quick bad members 'two clear up at once' -DTWOREAP
row proof bad members 'who dies over it is not replaced' -DNOTAKEOVER -DDEATHS=2
row proof bad members 'death without a proof' -DSOMEDEAD
row proof bad members 'roles of the dead are kept' -DROLE -DNOROLE
row quick bad members 'the role bears no name at first' -DROLE -DNAMELATE
row proof bad members 'the role is taken from a maintainer that is stopped' -DROLE -DSTEAL
row quick bad members 'a lease names the record alone' $ML -DBYRECORD
row proof ok  members 'two, one may die'
row proof ok  members 'two, both may die' -DDEATHS=2
row proof ok  members 'two, locks alone tell' -DAPART
row proof ok  members 'two, role' -DROLE
row proof ok  members 'two, a lease on one record' $ML
row all   ok  members 'two, a lease' -DLEASE
row all   ok  members 'the word is not looked at again (harmless)' -DNOAGAIN
row all   ok  members 'the same, locks alone tell' -DNOAGAIN -DAPART

# The life of an arena
C2="-DPARK=1 -DCAP=2 -DPUTS=4"; F2="-DFORK=1 -DNA=1 -DCAP=2 -DPUTS=1"
row quick ok    arena 'open, seal, sweep, free'
row quick ok    arena 'three puts' -DPUTS=3
row quick live  arena 'three puts' -DPUTS=2
row quick ok    arena 'parked sweeps, two entries an arena' $C2
row quick ok    arena 'fork: holes are found' $F2
row quick bad   arena 'made OPEN by state alone' -DPUTS=3 -DBYSTATE
row quick bad   arena 'installed before its book is reset' -DPUTS=3 -DINSTFIRST
row quick bad   arena 'installed by a store' -DPUTS=3 -DLANESTORE
row quick bad   arena 'a full arena is replaced, not sealed' -DPUTS=3 -DNOSEAL
row quick bad   arena 'the loser keeps its arena' -DPUTS=3 -DKEEP
row quick bad   arena 'n_free counted down after the claim' -DPUTS=2 -DCOUNTLATE
row quick cycle arena 'n_free counted down after the claim' -DPUTS=2 -DCOUNTLATE
row quick cycle arena 'writers wait for the opener' -DPUTS=2 -DNOHELP
row quick bad   arena 'a sweep without a look at the pins' -DPUTS=3 -DNOLOOK
row quick bad   arena 'a parked arena is taken up by a store' $C2 -DPUTS1=2 -DTAKEUP
row quick bad   arena 'the cursor of the last life' $C2 -DPUTS1=2 -DCURSOR
row quick bad   arena 'a writer pins after it reserved' -DPUTS=3 -DPINLATE
row quick bad   arena 'FILLING before the header' $F2 -DFILLFIRST
row quick bad   arena 'a hole is not marked' $F2 -DNOHOLED
row quick bad   arena 'the child opens every OPENING arena' -DFORK=1 -DPUTS=2 -DMENDOPEN
row proof ok    arena 'fork, two arenas' -DFORK=1 -DPUTS=2
row proof ok    arena 'a seal without a pin' -DCLEARS=1 -DPUTS=2
row proof ok    arena 'an arena is withdrawn' -DWITHDRAW=1 -DPUTS=2 -DNA=3
row proof ok    arena 'two entries an arena, two slots' -DCAP=2 -DPUTS=3 -DPUTS1=3 -DNS=2
row proof ok    arena 'position not closed at sealing (harmless)' -DPUTS=3 -DNOCLOSE
row proof ok    arena 'pins before SWEEPING (harmless for writers)' -DPUTS=3 -DLOOKFIRST
row all   ok    arena 'fork, parked sweeps, two slots' $F2 -DPARK=1 -DNS=2
row all   ok    arena 'fork, two puts each, two entries' -DFORK=1 -DCAP=2 -DPUTS=2 -DPUTS1=2
row all   ok    arena 'two puts each, two turns' -DPUTS=2 -DPUTS1=2 -DTRIES=2
row all   ok    arena 'three workers' -DNW=3 -DPUTS=1
row all   live  arena 'parked sweeps' $C2

# A worker dies, and one clears up after it while the others go on
A1="-DDEATHS=1 -DPUTS=1"; A2="$A1 -DPUTS1=2 -DNA=1 -DCAP=2"; A3="$A1 -DNW=3 -DNA=1"
row quick ok    arena 'deaths: one put each' $A1
row quick ok    arena 'deaths: the reaper dies, too' $A1 -DPUTS1=0 -DAGAIN=1
row proof ok    arena 'deaths: holes' $A2
row quick bad   arena 'deaths: a hole is not marked' $A2 -DNOHOLED
row quick bad   arena 'deaths: the pin goes before the arena is marked' $A2 -DHOLELATE
row proof bad   arena 'deaths: parked without a look at the pins' $A3 -DNOLATE
row proof bad   arena 'deaths: what the living sweep is parked' $A3 -DPARKALL
row proof bad   arena 'deaths: a record names the arena, not its life' $A3 -DTRIES=0 -DNOSEQ
row proof bad   arena 'deaths: what was being opened is left' $A1 -DNOOPENING
row proof bad   arena 'deaths: it is made OPEN, in no lane' $A1 -DMENDOPEN
row quick bad   arena 'deaths: named after the claim' $A1 -DNAMELATE
row quick bad   arena 'deaths: a recount in the middle of a change' $A1 -DNOMIDDLE
row proof bad   arena 'deaths: a recount beside a change' $A1 -DNOAFTER
row all   ok    arena 'deaths: two puts' -DDEATHS=1
row all   ok    arena 'deaths: two entries an arena' -DDEATHS=1 -DCAP=2 -DPUTS=3
row proof ok    arena 'deaths: three workers, nobody sweeps' $A3 -DTRIES=0

# max_entries: one arena, walked by all who join it
R="-DNR=1 -DNM=0 -DTURNS=1"; R2="$R -DNW=0"
row quick ok    limit 'writer, mover' -DTURNS=1
row quick ok    limit 'writer, two turns' -DNM=0
row quick ok    limit 'a sweep for room' $R2
row quick ok    limit 'one walks, a sweep for room, writer' -DNR=1 -DNM=0 -DNJ=1
row quick bad   limit 'writers'"'"' pins not looked at' -DNJ=1 -DTURNS=1 -DNOLATE
row quick bad   limit 'pins before SWEEPING' -DNJ=1 -DTURNS=1 -DLOOKFIRST
row quick bad   limit 'a late arena is walked once' -DNM=0 -DTURNS=1 -DONCE
row quick bad   limit 'a late arena is walked again too early' -DNM=0 -DTURNS=1 -DNOWAIT
row quick bad   limit 'retired while somebody is busy' -DNM=0 -DBUSYRET
row quick bad   limit 'walks have no number' -DNM=0 -DNONUMBER
row quick bad   limit 'joined without a pin' -DNM=0 -DNOPIN
row quick bad   limit 'joined without a second look' -DNM=0 -DNOLOOK
row quick bad   limit 'room: a late arena without a look at the pins' $R -DNJ=1 -DCLAIMLATE
row quick bad   limit 'room: goes on though somebody is busy' $R2 -DFROMBUSY
row quick bad   limit 'room: the place to begin is loaded later' $R2 -DRELOAD
row quick bad   limit 'room: parked with the old number' $R2 -DNE=3 -DSAMEWALK
row quick bad   limit 'room: goes on without a pin' $R2 -DNOPIN9
row quick bad   limit 'room: goes on without a second look' $R2 -DNOLOOK9
row quick bad   limit 'room: tells before it is done' $R2 -DSOON9
row proof ok    limit 'writer, mover, two turns'
row proof ok    limit 'three walk, writer' -DNJ=3 -DTURNS=1 -DNM=0
row proof ok    limit 'a sweep for room, three entries' $R2 -DNE=3
row proof ok    limit 'a sweep for room, writer' $R
row all   ok    limit 'a sweep for room, two turns' -DNR=1 -DNM=0 -DNW=0
row all   ok    limit 'two sweeps for room' $R2 -DNR=2 -DRTURNS=2
row all   ok    limit 'a sweep for room, writer, mover' -DTURNS=1 -DNR=1

# Recovery in the background: old versions of a key come in from arenas, beside those who change it
V2="-DRDRS=2"; X2="$V2 -DEXPEL"
row quick ok    rebuild 'two versions'
row quick ok    rebuild 'two versions, put' -DNP=1
row quick ok    rebuild 'two versions, delete' -DND=1
row quick ok    rebuild 'two versions, eviction' -DEV=1
row quick ok    rebuild 'two versions, one reader dies, delete' -DDIE -DND=1
row quick ok    rebuild 'two versions, one reader is expelled' -DEXPEL
row quick ok    rebuild 'a reader is expelled, put' $X2 -DNP=1
row quick ok    rebuild 'a reader is expelled, delete' $X2 -DND=1
row quick bad   rebuild 'a delete is not noted' $V2 -DND=1 -DNONOTE
row quick bad   rebuild 'an eviction is not noted' -DEV=1 -DNONOTE
row quick bad   rebuild 'noted after the scan' $V2 -DND=1 -DNOTELATE
row quick bad   rebuild 'notes are looked at before the tentative word' $V2 -DND=1 -DNOTEDEARLY
row quick bad   rebuild 'an older word is replaced without comparing' -DND=1 -DOUTDOBLIND
row quick bad   rebuild 'committed at once' -DAHEAD
row quick bad   rebuild 'no second scan' -DNO4
row quick bad   rebuild 'an older tentative word is spared' -DSPARE
row quick bad   rebuild 'killed without comparing' -DKILLBLIND
row quick bad   rebuild 'committed without comparing' $V2 -DND=1 -DCOMMITBLIND
row quick bad   rebuild 'the loser is not void' -DKEEP
row quick bad   rebuild 'the first stays, not the newer' -DBYARRIVAL
row quick bad   rebuild 'who was expelled does not ask' $X2 -DND=1 -DNOSTAND
row quick bad   rebuild 'an expelled one commits the word of the next, delete' $X2 -DND=1 -DSAMEWORD
row quick bad   rebuild 'an expelled one commits the word of the next, put' $X2 -DNP=1 -DSAMEWORD
row proof ok    rebuild 'standing before notes (harmless)' $X2 -DND=1 -DSTANDFIRST
row proof ok    rebuild 'two versions, put, delete' -DNP=1 -DND=1
row proof ok    rebuild 'two versions, put, delete, eviction' -DNP=1 -DND=1 -DEV=1
row proof ok    rebuild 'two versions, one reader is expelled, put' -DEXPEL -DNP=1
row proof ok    rebuild 'two versions, one reader is expelled, delete' -DEXPEL -DND=1
row proof ok    rebuild 'two versions, one reader dies, put, eviction' -DDIE -DNP=1 -DEV=1
row proof ok    rebuild 'two versions, three slots, put' -DNS=3 -DNP=1
row all   ok    rebuild 'two versions, one reader is expelled, put, delete' -DEXPEL -DNP=1 -DND=1

# The same, the arena: who reads it, gives it up, seals it, expels its reader; the end of the notes
row quick ok    unread 'two readers'
row quick ok    unread 'two readers, room' -DROOM=1
row quick ok    unread 'a reader is expelled' -DSTOP
row quick ok    unread 'a reader dies' -DDIE
row quick bad   unread 'claimed by a store' -DCLAIMBLIND
row quick bad   unread 'claimed from another' -DCLAIMANY
row quick bad   unread 'given up by a store' -DROOM=1 -DGIVEBLIND
row quick bad   unread 'given up while it is read' -DROOM=1 -DGIVEHALF
row quick bad   unread 'sealed by a store' -DSTOP -DSEALBLIND
row quick bad   unread 'not sealed' -DNOSEALED
row quick bad   unread 'its reader does not pin it' -DSTOP -DNOPIN
row quick bad   unread 'no second look after the pin' -DSTOP -DNOAGAIN
row quick bad   unread 'what the dead read stays his' -DDIE -DNORELEASE
row quick bad   unread 'taken away by a store' -DSTOP -DRELEASEBLIND
row quick bad   unread 'a late note stays' -DNOBACK
row quick bad   unread 'wiped before it is said' -DWIPEFIRST
row quick bad   unread 'over while somebody reads' -DOVEREARLY
row proof ok    unread 'three readers' -DNM=3
row proof ok    unread 'a reader is expelled, room' -DSTOP -DROOM=1
row proof ok    unread 'a reader dies, room' -DDIE -DROOM=1
row all   ok    unread 'three readers, one is expelled, room' -DNM=3 -DSTOP -DROOM=1
