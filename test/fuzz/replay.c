/*
 * replay.c
 *		Runs the fuzz target once on each file that is named, without libFuzzer.
 *
 * Speaks TAP.  Each input is copied to memory of its own size, so that a
 * sanitizer sees any step beyond it.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

extern int	LLVMFuzzerTestOneInput(const uint8_t *input, size_t length);

int
main(int count, char **names)
{
	for (int i = 1; i < count; i++)
	{
		FILE	   *file = fopen(names[i], "rb");
		uint8_t    *input = malloc(1);
		size_t		length = 0;
		int			byte;

		if (file == NULL)
		{
			printf("not ok %d - %s cannot be opened\n", i, names[i]);
			return 1;
		}
		while ((byte = getc(file)) != EOF)
		{
			input = realloc(input, length + 1);
			input[length++] = (uint8_t) byte;
		}
		fclose(file);
		LLVMFuzzerTestOneInput(input, length);
		free(input);
		printf("ok %d - %s\n", i, names[i]);
		fflush(stdout);
	}
	return 0;
}
