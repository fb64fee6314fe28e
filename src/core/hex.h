/*
 * hex.h
 *		Hexadecimal digits.
 *
 * Pure C.
 */
#ifndef USERLOCK_HEX_H
#define USERLOCK_HEX_H

/* The value of a hexadecimal digit; -1: it is none. */
static inline int
userlock_hex_value(char digit)
{
	if (digit >= '0' && digit <= '9')
		return digit - '0';
	if (digit >= 'a' && digit <= 'f')
		return digit - 'a' + 10;
	if (digit >= 'A' && digit <= 'F')
		return digit - 'A' + 10;
	return -1;
}

#endif							/* USERLOCK_HEX_H */
