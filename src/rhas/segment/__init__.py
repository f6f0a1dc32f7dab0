"""One film from file to answers (`rhas segment`): what each referred person does, and when.

The packages of the stages do the work; this one divides a long film into chunks, joins the results,
and writes intervals, subtitles, an overlay film and a page.
"""
