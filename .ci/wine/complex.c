// complex.c - functions of complex numbers that Wine's C library names and lacks. NumPy is linked to all of them and our
// suite needs none, so the textbook formulas will do. As x_NAME, since the compiler knows what NAME does.
#include <math.h>

typedef struct Complex {
    double r, i;
} Complex;
typedef struct ComplexFloat {
    float r, i;
} ComplexFloat;

static Complex make(double r, double i)
{
    Complex z = { r, i };
    return z;
}
static Complex add(Complex a, Complex b) { return make(a.r + b.r, a.i + b.i); }
static Complex times(Complex a, Complex b) { return make(a.r * b.r - a.i * b.i, a.r * b.i + a.i * b.r); }
static Complex times_i(Complex a) { return make(-a.i, a.r); }
static Complex over_i(Complex a) { return make(a.i, -a.r); }
static Complex divide(Complex a, Complex b)
{
    double n = b.r * b.r + b.i * b.i;
    return make((a.r * b.r + a.i * b.i) / n, (a.i * b.r - a.r * b.i) / n);
}

// long double is double there, so NAMEl is NAME.
#define EXPORT __declspec(dllexport)
#define NUMBER(name, formula)                                                                                          \
    EXPORT double x_##name(Complex a) { return formula; }                                                              \
    EXPORT float x_##name##f(ComplexFloat a) { return (float)x_##name(make(a.r, a.i)); }
#define FUNCTION(name, formula)                                                                                        \
    EXPORT Complex x_##name(Complex a) { return formula; }                                                             \
    EXPORT ComplexFloat x_##name##f(ComplexFloat a)                                                                    \
    {                                                                                                                  \
        Complex z = x_##name(make(a.r, a.i));                                                                          \
        ComplexFloat f = { (float)z.r, (float)z.i };                                                                   \
        return f;                                                                                                      \
    }

NUMBER(cabs, hypot(a.r, a.i))
NUMBER(carg, atan2(a.i, a.r))
NUMBER(creal, a.r)
NUMBER(cimag, a.i)
FUNCTION(conj, make(a.r, -a.i))
FUNCTION(cexp, make(exp(a.r) * cos(a.i), a.i == 0 ? a.i : exp(a.r) * sin(a.i)))
FUNCTION(clog, make(log(x_cabs(a)), x_carg(a)))
FUNCTION(csqrt, make(sqrt((x_cabs(a) + a.r) / 2), copysign(sqrt((x_cabs(a) - a.r) / 2), a.i)))
FUNCTION(csinh, make(sinh(a.r) * cos(a.i), cosh(a.r) * sin(a.i)))
FUNCTION(ccosh, make(cosh(a.r) * cos(a.i), sinh(a.r) * sin(a.i)))
FUNCTION(ctanh, divide(x_csinh(a), x_ccosh(a)))
FUNCTION(csin, over_i(x_csinh(times_i(a))))
FUNCTION(ccos, x_ccosh(times_i(a)))
FUNCTION(ctan, over_i(x_ctanh(times_i(a))))
FUNCTION(casinh, x_clog(add(a, x_csqrt(add(times(a, a), make(1, 0))))))
FUNCTION(cacosh, x_clog(add(a, times(x_csqrt(add(a, make(1, 0))), x_csqrt(add(a, make(-1, 0)))))))
FUNCTION(catanh, times(make(0.5, 0), x_clog(divide(add(make(1, 0), a), add(make(1, 0), make(-a.r, -a.i))))))
FUNCTION(casin, over_i(x_casinh(times_i(a))))
FUNCTION(cacos, add(make(1.57079632679489661923, 0), times(make(-1, 0), x_casin(a))))
FUNCTION(catan, over_i(x_catanh(times_i(a))))

EXPORT Complex x_cpow(Complex a, Complex p)
{
    int zero = a.r == 0 && a.i == 0;
    return zero ? make(p.r == 0 && p.i == 0, 0) : x_cexp(times(p, x_clog(a)));
}
EXPORT ComplexFloat x_cpowf(ComplexFloat a, ComplexFloat p)
{
    Complex z = x_cpow(make(a.r, a.i), make(p.r, p.i));
    ComplexFloat f = { (float)z.r, (float)z.i };
    return f;
}
