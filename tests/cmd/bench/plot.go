package main

import (
	"image/color"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/plotutil"
	"gonum.org/v1/plot/vg"
)

// plotGrowth draws operations a second by objects, a line a load, into an SVG file. Both axes are logarithmic.
func (r *report) plotGrowth(file string) error {
	p := plot.New()
	p.BackgroundColor = color.White
	p.X.Label.Text, p.Y.Label.Text = "objects there already", "operations a second"
	p.X.Scale, p.Y.Scale = plot.LogScale{}, plot.LogScale{}
	p.X.Tick.Marker, p.Y.Tick.Marker = r.objectTicks(), plot.LogTicks{Prec: -1}
	p.Legend.Top, p.Legend.Left = true, true
	p.Add(plotter.NewGrid())
	for i, like := range r.Growth[0].Results {
		var points plotter.XYs
		for _, g := range r.Growth {
			points = append(points, plotter.XY{X: float64(g.Objects), Y: g.Results[i].median()})
		}
		line, dots, err := plotter.NewLinePoints(points)
		if err != nil {
			return err
		}
		line.Color, dots.Color, dots.Shape = plotutil.Color(i), plotutil.Color(i), plotutil.Shape(i)
		p.Add(line, dots)
		p.Legend.Add(like.title(), line, dots)
	}
	p.X.Min, p.X.Max = p.X.Min/2, p.X.Max*2
	p.Y.Min, p.Y.Max = p.Y.Min/2, p.Y.Max*10 // for the legend
	return p.Save(16*vg.Centimeter, 10*vg.Centimeter, file)
}

func (r *report) objectTicks() (ticks plot.ConstantTicks) {
	for _, g := range r.Growth {
		ticks = append(ticks, plot.Tick{Value: float64(g.Objects), Label: strconv.Itoa(g.Objects)})
	}
	return ticks
}
