import pathlib,tempfile,shutil,collections,re
from principle_store.loading import *
d=pathlib.Path(tempfile.mkdtemp()); shutil.copy('principle_store/library/fair_and_clear.yaml',d)
L=load_library(load_taxonomy(),d); print(len(L.principles))
for p in L.principles:
    w=[len(x.split()) for x in (p.examples.passing,p.examples.failing)]
    flag=[]
    if not all(30<=x<=60 for x in w): flag.append('words')
    if len(p.asked_as)!=5: flag.append('asked')
    if any(not 6<=len(a.split())<=40 for a in p.asked_as): flag.append('askedlen')
    if not 4<=len(p.guidance)<=6: flag.append('guid %d'%len(p.guidance))
    if len(p.sayings())<2: flag.append('say')
    if set(p.search_words)!=set('es fr pt de zh ar hi ru'.split()): flag.append('langs')
    if any(not 3<=len(v)<=6 for v in p.search_words.values()): flag.append('sw')
    if not 3<=len(p.criteria)<=4: flag.append('crit')
    if min(c.points for c in p.criteria)>=0: flag.append('noneg')
    print(p.id,len(p.id),p.reach,w,len(p.sayings()),flag, {k:v if v=='any' else list(v) for k,v in p.scenario.items()}['uncertainty'])
try: print(len(load_library(load_taxonomy()).principles))
except Exception as e: print('whole:',e)
