/* SPDX-License-Identifier: BSD-2-Clause */
/* Text from traffic as HTML: nothing in it can become markup, or change the order of what is read.
 */
#pragma once

#include <stdio.h>

#include "base/slice.h"

/* Also fit for an attribute's value between double quotes. */
void html_text(FILE *f, struct slice s);
/* <tag class="class">text</tag>, nothing where @s is empty. @class may be NULL. */
void html_element(FILE *f, const char *tag, const char *class, struct slice s);
/* A row of a table of two columns, nothing where @value is empty. */
void html_fact(FILE *f, const char *name, struct slice value);
