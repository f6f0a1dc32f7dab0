"""One film from file to answers (`rhas segment`): what each referred person does, and when.

The rooms of the stages do the work; this one cuts a long film into parts, joins what comes back,
and writes intervals, subtitles, an overlay film and a page.
"""
