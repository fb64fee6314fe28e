/*
 * document.h
 *		JSON documents that callers give us to keep.
 */
#ifndef USERLOCK_DOCUMENT_H
#define USERLOCK_DOCUMENT_H

/* Is a document, a jsonb, shown in at most so many bytes? */
extern bool userlock_document_is_shown_in(Datum document, int max_bytes);

#endif							/* USERLOCK_DOCUMENT_H */
