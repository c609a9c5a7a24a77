/** The version of the product; one for all of its parts. */
export const VERSION = '0.1.0';
