# ruff: noqa: N803 - constants of the compilation are written in capitals
# mypy: disable-error-code="no-untyped-def, no-untyped-call, misc, untyped-decorator"
"""What runs on the GPU itself: the bodies of the kernels, in Triton's own language and types.

Each kernel is launched by the function in `operations` that has its name, where shapes are explained. Tensors arrive
as pointers to contiguous memory. Loops over time ask for `num_stages`, so that the loads of the next steps are under
way while one step is computed; all arithmetic is done in float32.

Comparisons are written so that a NaN is chosen, never dropped: `tl.maximum` would hide one from the check that skips
an update.
"""

import triton
import triton.language as tl

from puffer_train.policy import MASKED_LOGIT

FORBIDDEN = tl.constexpr(MASKED_LOGIT)

STAGES = tl.constexpr(4)
"""Time steps in flight: more hide more of the memory's latency, and take more shared memory."""

EXACT = tl.constexpr("tf32x3")
"""How tensor cores multiply float32: three products of rounded parts, nearly as exact as float32 itself."""

FIGURES = tl.constexpr(8)
"""Sums per program of `ppo_loss`, the last of them unused: a power of two."""


# -- MinGRU --------------------------------------------------------------------------------------------------


@triton.jit
def _load(pointer, inside):
    return tl.load(pointer, mask=inside, other=0.0).to(tl.float32)


@triton.jit
def _candidate(h):
    return tl.where(h >= 0, h + 0.5, tl.sigmoid(h))


@triton.jit
def mingru_forward(
    z, x, keep, states, out, steps, columns, hidden, advance, HAS_KEEP: tl.constexpr, BLOCK: tl.constexpr
):
    """Walk BLOCK of the B * H columns through time. states holds the first state in slot 0.

    The state after step t goes `advance` numbers beyond slot t: into the slot after it, or with 0 back to where it was.
    """
    column = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    inside = column < columns
    row = column // hidden
    gates = z + column + 2 * row * hidden  # of column (b, h): z[t, b, h], and two more in strides of H
    rows = columns // hidden
    state = _load(states + column, inside)
    for t in tl.range(0, steps, num_stages=STAGES):
        here = tl.cast(t, tl.int64) * columns
        h = _load(gates + 3 * here, inside)
        g = _load(gates + 3 * here + hidden, inside)
        p = _load(gates + 3 * here + 2 * hidden, inside)
        below = _load(x + here + column, inside)
        if HAS_KEEP:
            state *= _load(keep + t * rows + row, inside)
        state += tl.sigmoid(g) * (_candidate(h) - state)
        tl.store(states + here + advance + column, state, mask=inside)
        tl.store(out + here + column, below + tl.sigmoid(p) * (state - below), mask=inside)


@triton.jit
def mingru_backward(
    z, x, keep, states, grad, grad_z, grad_x, steps, columns, hidden, HAS_KEEP: tl.constexpr, BLOCK: tl.constexpr
):
    """Walk the same columns backwards. The gates are computed again: that is cheaper than having stored them."""
    column = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    inside = column < columns
    row = column // hidden
    gate_column = column + 2 * row * hidden
    rows = columns // hidden
    carried = tl.zeros((BLOCK,), tl.float32)  # gradient of the state that reaches step t from the steps after it
    for back in tl.range(0, steps, num_stages=STAGES):
        t = steps - 1 - back
        here = tl.cast(t, tl.int64) * columns
        gates = z + 3 * here + gate_column
        h, g, p = _load(gates, inside), _load(gates + hidden, inside), _load(gates + 2 * hidden, inside)
        below = _load(x + here + column, inside)
        before = _load(states + here + column, inside)
        state = _load(states + here + columns + column, inside)
        above = _load(grad + here + column, inside)
        kept = tl.full((BLOCK,), 1.0, tl.float32)
        if HAS_KEEP:
            kept = _load(keep + t * rows + row, inside)
        before *= kept

        update, mix, squashed = tl.sigmoid(g), tl.sigmoid(p), tl.sigmoid(h)
        grad_state = above * mix + carried
        slope = tl.where(h >= 0, 1.0, squashed * (1 - squashed))
        grads = grad_z + 3 * here + gate_column
        tl.store(grads, grad_state * update * slope, mask=inside)
        grad_update = grad_state * (_candidate(h) - before)
        tl.store(grads + hidden, grad_update * update * (1 - update), mask=inside)
        tl.store(grads + 2 * hidden, above * (state - below) * mix * (1 - mix), mask=inside)
        tl.store(grad_x + here + column, above * (1 - mix), mask=inside)
        carried = grad_state * (1 - update) * kept


# -- LSTM ----------------------------------------------------------------------------------------------------


@triton.jit
def _tanh(x):
    return 2 * tl.sigmoid(2 * x) - 1


@triton.jit
def lstm_forward(
    z, weight, keep, gates, hs, cs, steps, rows, hidden, HAS_KEEP: tl.constexpr, ROWS: tl.constexpr, CHUNK: tl.constexpr
):
    """Walk ROWS rows through time, CHUNK units at a time. hs and cs (T + 1, B, H) hold the first state in slot 0.

    The state goes through memory, since the next step needs all of it: so there is a barrier.
    """
    row = tl.program_id(0) * ROWS + tl.arange(0, ROWS)[:, None]
    present = row < rows
    for t in range(steps):
        now = tl.cast(t, tl.int64) * rows + row
        kept = tl.full((ROWS, 1), 1.0, tl.float32)
        if HAS_KEEP:
            kept = _load(keep + now, present)
        for first in range(0, hidden, CHUNK):
            unit = first + tl.arange(0, CHUNK)[None, :]
            inside = present & (unit < hidden)
            at = now * 4 * hidden + unit
            i, f = _load(z + at, inside), _load(z + at + hidden, inside)
            g, o = _load(z + at + 2 * hidden, inside), _load(z + at + 3 * hidden, inside)
            for chunk in range(0, hidden, CHUNK):
                along, down = chunk + tl.arange(0, CHUNK)[None, :], chunk + tl.arange(0, CHUNK)[:, None]
                h = _load(hs + now * hidden + along, present & (along < hidden)) * kept
                w = weight + unit * hidden + down
                both = (down < hidden) & (unit < hidden)
                i = tl.dot(h, _load(w, both), i, input_precision=EXACT)
                f = tl.dot(h, _load(w + hidden * hidden, both), f, input_precision=EXACT)
                g = tl.dot(h, _load(w + 2 * hidden * hidden, both), g, input_precision=EXACT)
                o = tl.dot(h, _load(w + 3 * hidden * hidden, both), o, input_precision=EXACT)
            i, f, g, o = tl.sigmoid(i), tl.sigmoid(f + 1), _tanh(g), tl.sigmoid(o)
            c = f * _load(cs + now * hidden + unit, inside) * kept + i * g
            tl.store(gates + at, i, mask=inside)
            tl.store(gates + at + hidden, f, mask=inside)
            tl.store(gates + at + 2 * hidden, g, mask=inside)
            tl.store(gates + at + 3 * hidden, o, mask=inside)
            after = (now + rows) * hidden + unit
            tl.store(cs + after, c, mask=inside)
            tl.store(hs + after, o * _tanh(c), mask=inside)
        tl.debug_barrier()


@triton.jit
def lstm_backward(
    gates,
    weight,
    keep,
    cs,
    grad,
    grad_z,
    later_h,
    later_c,
    steps,
    rows,
    hidden,
    HAS_KEEP: tl.constexpr,
    ROWS: tl.constexpr,
    CHUNK: tl.constexpr,
):
    """Walk the same rows backwards. later_h and later_c (B, H), zero at first, hold what reaches a step from later."""
    row = tl.program_id(0) * ROWS + tl.arange(0, ROWS)[:, None]
    present = row < rows
    for back in range(steps):
        now = tl.cast(steps - 1 - back, tl.int64) * rows + row
        kept = tl.full((ROWS, 1), 1.0, tl.float32)
        if HAS_KEEP:
            kept = _load(keep + now, present)
        for first in range(0, hidden, CHUNK):
            unit = first + tl.arange(0, CHUNK)[None, :]
            inside = present & (unit < hidden)
            at = now * 4 * hidden + unit
            i, f = _load(gates + at, inside), _load(gates + at + hidden, inside)
            g, o = _load(gates + at + 2 * hidden, inside), _load(gates + at + 3 * hidden, inside)
            out = _tanh(_load(cs + (now + rows) * hidden + unit, inside))
            before = _load(cs + now * hidden + unit, inside) * kept
            dh = _load(grad + now * hidden + unit, inside) + _load(later_h + row * hidden + unit, inside)
            dc = _load(later_c + row * hidden + unit, inside) + dh * o * (1 - out * out)
            tl.store(grad_z + at, dc * g * i * (1 - i), mask=inside)
            tl.store(grad_z + at + hidden, dc * before * f * (1 - f), mask=inside)
            tl.store(grad_z + at + 2 * hidden, dc * i * (1 - g * g), mask=inside)
            tl.store(grad_z + at + 3 * hidden, dh * out * o * (1 - o), mask=inside)
            tl.store(later_c + row * hidden + unit, dc * f * kept, mask=inside)
        tl.debug_barrier()
        for first in range(0, hidden, CHUNK):
            unit = first + tl.arange(0, CHUNK)[None, :]
            dh = tl.zeros((ROWS, CHUNK), tl.float32)
            for chunk in range(0, 4 * hidden, CHUNK):
                along, down = chunk + tl.arange(0, CHUNK)[None, :], chunk + tl.arange(0, CHUNK)[:, None]
                d = _load(grad_z + now * 4 * hidden + along, present & (along < 4 * hidden))
                w = _load(weight + down * hidden + unit, (down < 4 * hidden) & (unit < hidden))
                dh = tl.dot(d, w, dh, input_precision=EXACT)
            tl.store(later_h + row * hidden + unit, dh * kept, mask=present & (unit < hidden))
        tl.debug_barrier()


# -- advantage -----------------------------------------------------------------------------------------------


@triton.jit
def advantages(
    rewards,
    values,
    next_values,
    ends,
    ratios,
    out,
    steps,
    agents,
    gamma,
    lam,
    rho_clip,
    trace_clip,
    HAS_RATIOS: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """Walk BLOCK agents backwards through time."""
    agent = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    inside = agent < agents
    following = tl.zeros((BLOCK,), tl.float32)
    for back in tl.range(0, steps, num_stages=STAGES):
        here = tl.cast(steps - 1 - back, tl.int64) * agents + agent
        surprise = _load(rewards + here, inside) + gamma * _load(next_values + here, inside)
        surprise -= _load(values + here, inside)
        carry = gamma * lam * (1 - _load(ends + here, inside))
        if HAS_RATIOS:
            ratio = _load(ratios + here, inside)
            surprise *= tl.where(ratio > rho_clip, rho_clip, ratio)
            carry *= tl.where(ratio > trace_clip, trace_clip, ratio)
        following = surprise + carry * following
        tl.store(out + here, following, mask=inside)


# -- categorical actions -------------------------------------------------------------------------------------


@triton.jit
def _softmax(outputs, masks, starts, d, element, inside, sound, elements, choices, HAS_MASKS: tl.constexpr, choice):
    """Return log-probabilities and probabilities (WIDEST, BLOCK) of action d's choices; both 0 beyond them.

    Where an element is not `sound`, all choices that are allowed are equally likely.
    """
    first = tl.load(starts + d)
    real = choice < tl.load(starts + d + 1) - first
    where = real & inside[None, :]
    index = first + choice
    logits = tl.load(outputs + index * elements + element[None, :], mask=where, other=0.0).to(tl.float32)
    logits = tl.where(sound[None, :], logits, 0.0)
    if HAS_MASKS:
        allowed = tl.load(masks + element[None, :] * choices + index, mask=where, other=1)
        logits = tl.where(allowed != 0, logits, FORBIDDEN)
    logits = tl.where(real, logits, float("-inf"))
    shifted = logits - tl.max(logits, 0)[None, :]
    log_probs = shifted - tl.log(tl.sum(tl.exp(shifted), 0))[None, :]
    log_probs = tl.where(real, log_probs, 0.0)
    return log_probs, tl.where(real, tl.exp(log_probs), 0.0)


@triton.jit
def sample_categorical(
    outputs,
    value,
    masks,
    starts,
    key,
    slot,
    actions,
    log_probs,
    values,
    valid,
    elements,
    agents,
    first_agent,
    choices,
    dimensions,
    GREEDY: tl.constexpr,
    HAS_MASKS: tl.constexpr,
    WIDEST: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """Draw one action of each of BLOCK agents and store it, its log-probability and the value in slot `slot`.

    The noise of logit j of agent a is the Philox number with the key `key` and the counter (a K + j, slot): it does
    not depend on how agents are divided between launches.
    """
    element = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    inside = element < elements
    choice = tl.arange(0, WIDEST)[:, None]
    seed, t = tl.load(key), tl.load(slot)
    place = t * agents + first_agent + element
    expected = _load(value + element, inside)

    # a number minus itself is 0 unless it is infinite or no number
    strange = tl.where(expected - expected == 0, 0, 1)
    for d in range(dimensions):
        first = tl.load(starts + d)
        here = (choice < tl.load(starts + d + 1) - first) & inside[None, :]
        logits = _load(outputs + (first + choice) * elements + element[None, :], here)
        strange += tl.sum(tl.where(logits - logits == 0, 0, 1), 0)
    sound = strange == 0

    total = tl.zeros((BLOCK,), tl.float32)
    for d in range(dimensions):
        lp, _ = _softmax(outputs, masks, starts, d, element, inside, sound, elements, choices, HAS_MASKS, choice)
        first = tl.load(starts + d)
        real = choice < tl.load(starts + d + 1) - first
        noisy = lp
        if not GREEDY:
            number = ((first_agent + element)[None, :] * choices + first + choice).to(tl.uint32)
            zero = number * 0
            bits, _, _, _ = tl.philox(seed, number, zero + t.to(tl.uint32), zero, zero)
            uniform = tl.uint_to_uniform_float(bits)
            noisy = lp - tl.log(-tl.log(tl.where(uniform > 0, uniform, 1e-10)))
        action = tl.argmax(tl.where(real, noisy, float("-inf")), 0)
        total += tl.sum(tl.where(choice == action[None, :], lp, 0.0), 0)
        tl.store(actions + place * dimensions + d, action.to(tl.int64), mask=inside)
    tl.store(log_probs + place, tl.where(sound, total, 0.0), mask=inside)
    tl.store(values + place, tl.where(sound, expected, 0.0), mask=inside)
    tl.store(valid + place, sound, mask=inside)


@triton.jit
def ppo_loss(
    outputs,
    masks,
    starts,
    actions,
    old_log_probs,
    old_values,
    advantage,
    importance,
    present,
    moments,
    grad,
    ratios,
    sums,
    elements,
    rows,
    choices,
    dimensions,
    clip,
    value_clip,
    value_coefficient,
    entropy_coefficient,
    HAS_MASKS: tl.constexpr,
    HAS_PRESENT: tl.constexpr,
    CLIP_VALUES: tl.constexpr,
    WIDEST: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """Loss, its gradient and its figures for BLOCK of the T * B elements. moments: mean, 1 / spread, 1 / count."""
    element = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    inside = element < elements
    choice = tl.arange(0, WIDEST)[:, None]
    weight = tl.where(inside, tl.load(moments + 2), 0.0)
    if HAS_PRESENT:
        weight *= _load(present + element, inside)

    # the probability of what was done, over all of its dimensions
    log_prob = tl.zeros((BLOCK,), tl.float32)
    entropy = tl.zeros((BLOCK,), tl.float32)
    for d in range(dimensions):
        lp, probability = _softmax(
            outputs, masks, starts, d, element, inside, inside, elements, choices, HAS_MASKS, choice
        )
        action = tl.load(actions + element * dimensions + d, mask=inside, other=0)
        log_prob += tl.sum(tl.where(choice == action[None, :], lp, 0.0), 0)
        entropy -= tl.sum(probability * lp, 0)

    # policy: the worse of the plain and the clipped surrogate
    raw_advantage = _load(advantage + element, inside)
    scaled = (raw_advantage - tl.load(moments)) * tl.load(moments + 1) * _load(importance + element % rows, inside)
    log_ratio = log_prob - _load(old_log_probs + element, inside)
    ratio = tl.exp(log_ratio)
    plain = -scaled * ratio
    limited = tl.where(ratio < 1 - clip, 1 - clip, tl.where(ratio > 1 + clip, 1 + clip, ratio))
    flat = -scaled * limited > plain
    policy = tl.where(flat, -scaled * limited, plain)
    grad_log_prob = tl.where(flat, 0.0, plain) * weight

    # value: the larger of the plain and the clipped squared error
    value = _load(outputs + choices * elements + element, inside)
    old_value = _load(old_values + element, inside)
    target = raw_advantage + old_value
    error = value - target
    squared, slope = error * error, error
    if CLIP_VALUES:
        shift = value - old_value
        bounded = tl.where(shift < -value_clip, -value_clip, tl.where(shift > value_clip, value_clip, shift))
        clipped_error = old_value + bounded - target
        stuck = clipped_error * clipped_error > squared
        squared = tl.where(stuck, clipped_error * clipped_error, squared)
        slope = tl.where(stuck & (bounded != shift), 0.0, error)
    tl.store(grad + choices * elements + element, value_coefficient * slope * weight, mask=inside)

    # logits: d log p(a) / d logit = [a] - p, and d entropy / d logit = -p (log p + entropy of its own action)
    for d in range(dimensions):
        lp, probability = _softmax(
            outputs, masks, starts, d, element, inside, inside, elements, choices, HAS_MASKS, choice
        )
        action = tl.load(actions + element * dimensions + d, mask=inside, other=0)
        its_entropy = -tl.sum(probability * lp, 0)
        chosen = tl.where(choice == action[None, :], 1.0, 0.0)
        slopes = grad_log_prob[None, :] * (chosen - probability)
        slopes += entropy_coefficient * weight[None, :] * probability * (lp + its_entropy[None, :])
        first = tl.load(starts + d)
        real = (choice < tl.load(starts + d + 1) - first) & inside[None, :]
        index = first + choice
        if HAS_MASKS:
            allowed = tl.load(masks + element[None, :] * choices + index, mask=real, other=0)
            slopes = tl.where(allowed != 0, slopes, 0.0)
        tl.store(grad + index * elements + element[None, :], slopes, mask=real)

    tl.store(ratios + element, ratio, mask=inside)
    clipped = tl.where(tl.abs(ratio - 1) > clip, 1.0, 0.0)
    at = sums + tl.program_id(0) * FIGURES
    tl.store(at, tl.sum(tl.where(inside, policy * weight, 0.0)))
    tl.store(at + 1, tl.sum(tl.where(inside, 0.5 * squared * weight, 0.0)))
    tl.store(at + 2, tl.sum(tl.where(inside, entropy * weight, 0.0)))
    tl.store(at + 3, tl.sum(tl.where(inside, -log_ratio * weight, 0.0)))
    tl.store(at + 4, tl.sum(tl.where(inside, (ratio - 1 - log_ratio) * weight, 0.0)))
    tl.store(at + 5, tl.sum(tl.where(inside, clipped * weight, 0.0)))
    tl.store(at + 6, tl.sum(tl.where(inside, ratio * weight, 0.0)))
    tl.store(at + 7, 0.0)
